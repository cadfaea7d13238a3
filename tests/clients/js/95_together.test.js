// postgrest-js: two tenants at the same time, on the connections that they share.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows, column } from './service.js'

test('reads', async () => {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) => column('name', (n % 2 ? leslie : michael).from('rooms').select('name').eq('id', 1)))
  )
  answers.forEach((names, n) => assert.deepEqual(names, [n % 2 ? 'Great Hall' : 'Warehouse']))
})

test('writes', async (t) => {
  const both = [leslie, michael]
  t.after(() => Promise.all(both.map((user) => rows(user.from('items').delete().like('title', 'together %')))))
  await Promise.all(
    Array.from({ length: 50 }, (_, n) => rows(both[n % 2].from('items').insert({ title: `together ${n}` })))
  )
  for (const [parity, user] of both.entries()) {
    const titles = await column('title', user.from('items').select('title').like('title', 'together %'))
    assert.equal(titles.length, 25)
    assert.ok(titles.every((title) => Number(title.split(' ')[1]) % 2 === parity))
  }
})
