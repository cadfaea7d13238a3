// postgrest-js: columns of another relation among those of the row.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows } from './service.js'

test('of one', async () => {
  const query = leslie.from('bookings').select('id, ...rooms(room:name, floor)').lte('id', 2).order('id')
  assert.deepEqual(await rows(query), [
    { id: 1, room: 'Great Hall', floor: 0 },
    { id: 2, room: 'Great Hall', floor: 0 },
  ])
})

test('of one that is not there', async () => {
  const query = leslie.from('bookings').select('id, ...persons!bookings_host_fkey(host:name)').eq('id', 4)
  assert.deepEqual(await rows(query), [{ id: 4, host: null }])
})

test('of one within one', async () => {
  const query = leslie.from('invoices').select('total, ...bookings(note, ...rooms(room:name))').eq('booking_id', 1)
  assert.deepEqual(await rows(query), [{ total: 110, note: 'jazz', room: 'Great Hall' }])
})

test('of many: lists that go together', async () => {
  const query = leslie
    .from('rooms')
    .select('id, ...bookings(note, price)')
    .in('id', [1, 3])
    .order('id')
    .order('price', { referencedTable: 'bookings' })
  assert.deepEqual(await rows(query), [
    { id: 1, note: [null, 'jazz'], price: [50, 100] },
    { id: 3, note: [], price: [] },
  ])
})

test('of the other tenant: nothing', async () => {
  const query = (client) => client.from('bookings').select('id, ...rooms(room:name)').eq('id', 1)
  assert.deepEqual(await rows(query(michael)), [{ id: 1, room: 'Warehouse' }])
  assert.deepEqual(await rows(query(leslie)), [{ id: 1, room: 'Great Hall' }])
})
