// postgrest-js: select() of sums and their like.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows } from './service.js'

test('of all rows, which are the tenant’s own', async () => {
  const query = (client) => client.from('bookings').select('count(), price.sum(), least:price.min(), most:price.max(), price.avg()')
  assert.deepEqual(await rows(query(leslie)), [{ count: 4, sum: 175, least: 5, most: 100, avg: 43.75 }])
  const [{ sum }] = await rows(query(michael))
  assert.equal(sum, 1801)
})

test('by the columns beside them', async () => {
  const query = leslie.from('bookings').select('room_id, price.sum()').order('room_id')
  assert.deepEqual(await rows(query), [
    { room_id: 1, sum: 150 },
    { room_id: 2, sum: 20 },
    { room_id: 4, sum: 5 },
  ])
})

test('of what a filter leaves', async () => {
  assert.deepEqual(await rows(leslie.from('bookings').select('count()').gt('price', 10)), [{ count: 3 }])
})

const counted = [
  { id: 1, bookings: [{ count: 2 }] },
  { id: 2, bookings: [{ count: 1 }] },
  { id: 3, bookings: [{ count: 0 }] },
  { id: 4, bookings: [{ count: 1 }] },
]

test('within', async () => {
  assert.deepEqual(await rows(leslie.from('rooms').select('id, bookings(count())').order('id')), counted)
})

test('within, without parentheses, as much of what is written for this client has it', async () => {
  assert.deepEqual(await rows(leslie.from('rooms').select('id, bookings(count)').order('id')), counted)
})

test('with a cast before and after', async () => {
  const query = leslie.from('rooms').select('size:facts->size->m2::integer.sum()::text')
  assert.deepEqual(await rows(query), [{ size: '336' }])
})
