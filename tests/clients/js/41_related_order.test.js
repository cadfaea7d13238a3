// postgrest-js: order by a column of the one row that a row refers to.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, column, refusal } from './service.js'

test('of one', async () => {
  const bookings = () => leslie.from('bookings').select('id, rooms(name)')
  assert.deepEqual(await column('id', bookings().order('rooms(name)', { ascending: false }).order('id')), [4, 3, 1, 2])
})

test('of one by another name, with nulls', async () => {
  const query = leslie.from('bookings').select('id, host:persons!bookings_host_fkey(name)')
  assert.deepEqual(await column('id', query.order('host(name)', { nullsFirst: true }).order('id')), [4, 1, 3, 2])
})

test('of many is refused', async () => {
  const error = await refusal(leslie.from('rooms').select('id, bookings(id)').order('bookings(id)'))
  assert.deepEqual({ status: error.status, code: error.code }, { status: 400, code: 'PGRST118' })
})

test('of what is not embedded is refused', async () => {
  const error = await refusal(leslie.from('bookings').select('id').order('rooms(name)'))
  assert.deepEqual({ status: error.status, code: error.code }, { status: 400, code: 'PGRST108' })
})
