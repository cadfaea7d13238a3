// postgrest-js: stripNulls().
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, rows } from './service.js'

test('of a list', async () => {
  const query = leslie.from('rooms').select('id, heated, rent').gte('id', 3).order('id').stripNulls()
  assert.deepEqual(await rows(query), [{ id: 3 }, { id: 4, heated: true, rent: 15.25 }])
})

test('of one object', async () => {
  assert.deepEqual(await rows(leslie.from('rooms').select('id, heated').eq('id', 3).single().stripNulls()), { id: 3 })
})

test('within', async () => {
  const query = leslie.from('bookings').select('id, host_id, rooms(name, rent)').eq('id', 4).stripNulls()
  assert.deepEqual(await rows(query), [{ id: 4, rooms: { name: 'Reading Room, north', rent: 15.25 } }])
})
