// postgrest-js: insert and upsert with defaultToNull: false.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, rows } from './service.js'

const booking = (id, more) => ({ id, room_id: 1, during: '[2026-06-01,2026-06-02)', ...more })
const clean = (t) => t.after(() => rows(leslie.from('bookings').delete().gte('id', 100)))

test('insert: columns that a row does not name get their defaults', async (t) => {
  clean(t)
  const query = leslie
    .from('bookings')
    .insert([booking(100, { price: 1, note: 'given' }), booking(101, { note: null }), booking(102, { price: 2 })], {
      defaultToNull: false,
    })
    .select('id, price, note')
  assert.deepEqual(await rows(query), [
    { id: 100, price: 1, note: 'given' },
    { id: 101, price: 10, note: null },
    { id: 102, price: 2, note: 'none' },
  ])
})

test('upsert: new rows get defaults', async (t) => {
  clean(t)
  await rows(leslie.from('bookings').insert(booking(100, { price: 1 })))
  const query = leslie
    .from('bookings')
    .upsert([booking(100, { note: 'merged' }), booking(101, { price: 3 })], {
      defaultToNull: false,
      onConflict: 'tenant_id,id',
    })
    .select('id, price, note')
  assert.deepEqual(await rows(query), [
    { id: 100, price: 10, note: 'merged' },
    { id: 101, price: 3, note: 'none' },
  ])
})
