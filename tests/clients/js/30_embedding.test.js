// postgrest-js: select() of other relations within a row.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows, refusal } from './service.js'

test('to one', async () => {
  const query = leslie.from('bookings').select('id, rooms(name)').lte('id', 2).order('id')
  assert.deepEqual(await rows(query), [
    { id: 1, rooms: { name: 'Great Hall' } },
    { id: 2, rooms: { name: 'Great Hall' } },
  ])
})

test('to many, empty where there are none', async () => {
  const query = leslie.from('rooms').select('id, bookings(id)').order('id').order('id', { referencedTable: 'bookings' })
  assert.deepEqual(await rows(query), [
    { id: 1, bookings: [{ id: 1 }, { id: 2 }] },
    { id: 2, bookings: [{ id: 3 }] },
    { id: 3, bookings: [] },
    { id: 4, bookings: [{ id: 4 }] },
  ])
})

test('one to one is an object or null', async () => {
  const query = leslie.from('bookings').select('id, invoices(total)').lte('id', 2).order('id')
  assert.deepEqual(await rows(query), [
    { id: 1, invoices: { total: 110 } },
    { id: 2, invoices: null },
  ])
})

test('two levels, and another name', async () => {
  const query = leslie.from('rooms').select('name, events:bookings(id, invoice:invoices(total))').eq('id', 2)
  assert.deepEqual(await rows(query), [{ name: 'Map Room', events: [{ id: 3, invoice: { total: 22 } }] }])
})

test('the foreign key named: by its constraint and by its column', async () => {
  for (const hint of ['bookings_host_fkey', 'host_id']) {
    const query = leslie.from('bookings').select(`id, host:persons!${hint}(name)`).in('id', [1, 4]).order('id')
    assert.deepEqual(await rows(query), [
      { id: 1, host: { name: 'Ann' } },
      { id: 4, host: null },
    ])
  }
})

test('inner: rows without any are left out', async () => {
  const query = leslie.from('rooms').select('id, bookings!inner(id)', { count: 'exact' }).order('id').gt('bookings.price', 15)
  const { data, count } = await query
  assert.deepEqual(
    data.map((room) => room.id),
    [1, 2]
  )
  assert.equal(count, 2)
})

test('a filter, an order, a limit and a range within', async () => {
  const query = leslie
    .from('rooms')
    .select('id, bookings(id, price)')
    .eq('id', 1)
    .gt('bookings.price', 10)
    .order('price', { referencedTable: 'bookings' })
    .limit(1, { referencedTable: 'bookings' })
  assert.deepEqual(await rows(query), [{ id: 1, bookings: [{ id: 2, price: 50 }] }])

  const page = leslie
    .from('rooms')
    .select('id, bookings(id)')
    .eq('id', 1)
    .order('id', { referencedTable: 'bookings', ascending: false })
    .range(1, 1, { referencedTable: 'bookings' })
  assert.deepEqual(await rows(page), [{ id: 1, bookings: [{ id: 1 }] }])
})

test('or within', async () => {
  const query = leslie
    .from('rooms')
    .select('id, bookings(id)')
    .eq('id', 1)
    .or('price.gt.90,note.eq.nothing', { referencedTable: 'bookings' })
  assert.deepEqual(await rows(query), [{ id: 1, bookings: [{ id: 1 }] }])
})

test('the tenant with what it has', async () => {
  const [tenant, ...more] = await rows(leslie.from('tenants').select('name, things:items(title)'))
  assert.equal(tenant.name, 'pawnee-parks-and-rec')
  assert.deepEqual(more, [])
  assert.ok(tenant.things.some((item) => item.title === 'book drive'))
  assert.ok(!tenant.things.some((item) => item.title === 'toner'))
})

test('the other tenant’s rows are in no embed', async () => {
  const query = (client) => client.from('bookings').select('note, rooms(name), host:persons!bookings_host_fkey(name)').eq('id', 1)
  assert.deepEqual(await rows(query(leslie)), [{ note: 'jazz', rooms: { name: 'Great Hall' }, host: { name: 'Ann' } }])
  assert.deepEqual(await rows(query(michael)), [
    { note: 'dundies', rooms: { name: 'Warehouse' }, host: { name: 'Michael' } },
  ])
})

test('no relationship', async () => {
  const error = await refusal(leslie.from('rooms').select('id, newsfeed_items(*)'))
  assert.equal(error.status, 400)
  assert.equal(error.code, 'PGRST200')
  assert.match(error.message, /Could not find a relationship between 'rooms' and 'newsfeed_items'/)
})

test('more than one relationship', async () => {
  const error = await refusal(leslie.from('bookings').select('id, persons(*)'))
  assert.equal(error.status, 300)
  assert.equal(error.code, 'PGRST201')
  assert.match(error.message, /Could not embed because more than one relationship was found for 'bookings' and 'persons'/)
  assert.match(error.hint, /persons!bookings_host_fkey/)
  assert.match(JSON.stringify(error.details), /bookings_cleaner_fkey/)
})
