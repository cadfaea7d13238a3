// postgrest-js: rows by whether another relation has any for them.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, column } from './service.js'

const rooms = (filter) => column('id', filter(leslie.from('rooms').select('id, bookings()')).order('id'))

test('those that have none', async () => {
  assert.deepEqual(await rooms((q) => q.is('bookings', null)), [3])
})

test('those that have some', async () => {
  assert.deepEqual(await rooms((q) => q.not('bookings', 'is', null)), [1, 2, 4])
})

test('those that have some of a kind', async () => {
  assert.deepEqual(await rooms((q) => q.not('bookings', 'is', null).lt('bookings.price', 10)), [4])
})

test('or', async () => {
  assert.deepEqual(await rooms((q) => q.or('bookings.is.null,id.eq.1')), [1, 3])
})
