// postgrest-js and ra-data-postgrest: other relations within the rows that were written.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, rows } from './service.js'

const clean = (t) => t.after(() => rows(leslie.from('bookings').delete().gte('id', 100)))
const booking = { id: 100, room_id: 2, during: '[2026-06-01,2026-06-02)' }

test('insert, update, upsert and delete', async (t) => {
  clean(t)
  const expected = { id: 100, rooms: { name: 'Map Room' }, invoices: null }
  const columns = 'id, rooms(name), invoices(total)'
  const bookings = leslie.from('bookings')
  assert.deepEqual(await rows(bookings.insert(booking).select(columns).single()), expected)
  assert.deepEqual(await rows(bookings.update({ price: 3 }).eq('id', 100).select(columns)), [expected])
  assert.deepEqual(await rows(bookings.upsert(booking, { onConflict: 'tenant_id,id' }).select(columns)), [expected])
  assert.deepEqual(await rows(bookings.delete().eq('id', 100).select(columns)), [expected])
})

test('a row that is moved to another is answered with that', async (t) => {
  clean(t)
  await rows(leslie.from('bookings').insert(booking))
  const query = leslie.from('bookings').update({ room_id: 1 }).eq('id', 100).select('room_id, rooms(name)')
  assert.deepEqual(await rows(query), [{ room_id: 1, rooms: { name: 'Great Hall' } }])
})
