// postgrest-js: select() by way of a table between two.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows } from './service.js'

test('the many of a row, and back', async () => {
  const guests = leslie.from('bookings').select('id, guests:persons!guests(name)').order('id').order('name', { referencedTable: 'guests' })
  assert.deepEqual(await rows(guests), [
    { id: 1, guests: [{ name: 'Ben' }, { name: 'Chris' }] },
    { id: 2, guests: [{ name: 'Chris' }] },
    { id: 3, guests: [{ name: 'Ben' }] },
    { id: 4, guests: [] },
  ])
  const attended = leslie.from('persons').select('name, attended:bookings!guests(note)').eq('id', 2).order('note', { referencedTable: 'attended' })
  assert.deepEqual(await rows(attended), [{ name: 'Ben', attended: [{ note: 'jazz' }, { note: 'maps' }] }])
})

test('inner, and with a filter within', async () => {
  const query = leslie.from('bookings').select('id, persons!guests!inner(name)').eq('persons.name', 'Chris').order('id')
  assert.deepEqual(await rows(query), [
    { id: 1, persons: [{ name: 'Chris' }] },
    { id: 2, persons: [{ name: 'Chris' }] },
  ])
})

test('with a table within', async () => {
  const query = leslie.from('persons').select('name, bookings!guests(id, rooms(name))').eq('id', 2).order('id', { referencedTable: 'bookings' })
  assert.deepEqual(await rows(query), [
    {
      name: 'Ben',
      bookings: [
        { id: 1, rooms: { name: 'Great Hall' } },
        { id: 3, rooms: { name: 'Map Room' } },
      ],
    },
  ])
})

test('the other tenant’s are in none', async () => {
  const query = michael.from('bookings').select('id, guests:persons!guests(name)').order('id').order('name', { referencedTable: 'guests' })
  assert.deepEqual(await rows(query), [
    { id: 1, guests: [{ name: 'Dwight' }, { name: 'Pam' }] },
    { id: 2, guests: [{ name: 'Michael' }] },
  ])
})
