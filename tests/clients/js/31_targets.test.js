// postgrest-js: select() of another relation that is named by the foreign key that leads there.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows } from './service.js'

test('by the column: the one that a row of the same table refers to', async () => {
  const query = (client) => client.from('persons').select('name, boss:boss_id(name)').in('id', [1, 2]).order('id')
  assert.deepEqual(await rows(query(leslie)), [
    { name: 'Ann', boss: null },
    { name: 'Ben', boss: { name: 'Ann' } },
  ])
  assert.deepEqual(await rows(query(michael)), [
    { name: 'Michael', boss: null },
    { name: 'Dwight', boss: { name: 'Michael' } },
  ])
})

test('by the table: the many that refer to a row of the same table', async () => {
  const query = leslie.from('persons').select('name, staff:persons(name)').eq('id', 1).order('id', { referencedTable: 'staff' })
  assert.deepEqual(await rows(query), [{ name: 'Ann', staff: [{ name: 'Ben' }, { name: 'Chris' }] }])
})

test('by the column, from another table', async () => {
  const query = leslie.from('bookings').select('id, host:host_id(name), cleaner_id(name)').eq('id', 2)
  assert.deepEqual(await rows(query), [{ id: 2, host: { name: 'Ben' }, cleaner_id: null }])
})

test('by the constraint', async () => {
  const query = leslie.from('bookings').select('id, host:bookings_host_fkey(name)').eq('id', 2)
  assert.deepEqual(await rows(query), [{ id: 2, host: { name: 'Ben' } }])
})
