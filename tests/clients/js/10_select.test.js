// postgrest-js: from().select(), and what can be selected.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows, column, watched, tenants } from './service.js'

test('all columns of all rows, which are the tenant’s own', async () => {
  const items = await rows(leslie.from('items').select())
  assert.ok(items.length >= 5)
  assert.deepEqual(Object.keys(items[0]), ['id', 'title', 'tenant_id'])
  assert.ok(items.every((item) => item.tenant_id === tenants.pawnee))

  const others = await rows(michael.from('items').select('*'))
  assert.ok(others.every((item) => item.tenant_id === tenants.dunderMifflin))
  const titles = new Set(items.map((item) => item.title))
  assert.ok(others.every((item) => !titles.has(item.title)))
})

test('the other tenant’s rows are absent, also when their keys are named', async () => {
  const [{ id }] = await rows(michael.from('items').select('id').limit(1))
  assert.deepEqual(await rows(leslie.from('items').select().eq('id', id)), [])
  assert.deepEqual(await rows(leslie.from('items').select().eq('tenant_id', tenants.dunderMifflin)), [])
  assert.deepEqual(await column('name', leslie.from('rooms').select('name').eq('id', 1)), ['Great Hall'])
  assert.deepEqual(await column('name', michael.from('rooms').select('name').eq('id', 1)), ['Warehouse'])
})

test('a relation that is the same for all tenants', async () => {
  const mine = await rows(leslie.from('newsfeed_items').select('id, title').order('id'))
  assert.equal(mine.length, 5)
  assert.deepEqual(await rows(michael.from('newsfeed_items').select('id, title').order('id')), mine)
})

test('named columns, over several lines', async () => {
  const query = leslie
    .from('rooms')
    .select(
      `
      id,
      name
    `
    )
    .eq('id', 2)
  assert.deepEqual(await rows(query), [{ id: 2, name: 'Map Room' }])
})

test('another name for a column, and a cast', async () => {
  const query = leslie.from('rooms').select('room:name, number:id::text').eq('id', 2)
  assert.deepEqual(await rows(query), [{ room: 'Map Room', number: '2' }])
})

test('values of many types as JSON', async () => {
  const [room] = await rows(leslie.from('rooms').select('heated, floor, rent, tags, seats, facts').eq('id', 1))
  assert.deepEqual(room, {
    heated: true,
    floor: 0,
    rent: 120.5,
    tags: ['large', 'stage'],
    seats: '[10,201)',
    facts: { colour: 'red', size: { m2: 300 }, doors: [1, 2] },
  })
})

test('a path into a JSON column', async () => {
  const query = leslie
    .from('rooms')
    .select('colour:facts->>colour, size:facts->size->m2, door:facts->doors->0')
    .eq('facts->>colour', 'green')
  assert.deepEqual(await rows(query), [{ colour: 'green', size: 24, door: null }])
})


test('HEAD with a count: no rows, the total', async () => {
  const { data, count, error, status } = await leslie.from('rooms').select('*', { count: 'exact', head: true })
  assert.deepEqual({ data, count, error, status }, { data: null, count: 4, error: null, status: 200 })
})

test('an exact count beside a page is the tenant’s own', async () => {
  const { data, count, status } = await leslie.from('rooms').select('id', { count: 'exact' }).order('id').range(1, 2)
  assert.deepEqual(data, [{ id: 2 }, { id: 3 }])
  assert.equal(count, 4)
  assert.equal(status, 206)
  assert.equal((await michael.from('rooms').select('id', { count: 'exact' })).count, 2)
})

test('the headers of an answer', async () => {
  const sent = watched()
  await rows(sent.client.from('rooms').select('id', { count: 'exact' }).order('id').limit(2))
  assert.equal(sent.last.headers.get('content-range'), '0-1/4')
  assert.match(sent.last.headers.get('content-type'), /^application\/json; ?charset=utf-8$/)
  assert.equal(sent.last.headers.get('preference-applied'), 'count=exact')
})

test('a request can be given up', async () => {
  const { error, status } = await leslie.from('rooms').select().abortSignal(AbortSignal.abort())
  assert.equal(status, 0)
  assert.match(error.message, /AbortError/)
})
