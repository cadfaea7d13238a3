// postgrest-js: every filter that the client has a method for, in the order of its documentation.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, column, rows } from './service.js'

// Names of the rooms of pawnee-parks-and-rec: 1 Great Hall, 2 Map Room, 3 Old Kitchen, 4 Reading Room, north.
const rooms = (filter) => column('id', filter(leslie.from('rooms').select('id')).order('id'))
const bookings = (filter) => column('id', filter(leslie.from('bookings').select('id')).order('id'))

const filters = {
  eq: [(q) => q.eq('name', 'Map Room'), [2]],
  'eq of a value with reserved characters': [(q) => q.eq('name', 'Reading Room, north'), [4]],
  'eq of true': [(q) => q.eq('heated', true), [1, 4]],
  'eq of a number': [(q) => q.eq('rent', 15.25), [4]],
  neq: [(q) => q.neq('name', 'Map Room'), [1, 3, 4]],
  gt: [(q) => q.gt('floor', 0), [2, 4]],
  gte: [(q) => q.gte('floor', 0), [1, 2, 4]],
  lt: [(q) => q.lt('floor', 0), [3]],
  lte: [(q) => q.lte('floor', 0), [1, 3]],
  like: [(q) => q.like('name', '%Room%'), [2, 4]],
  likeAllOf: [(q) => q.likeAllOf('name', ['%Room%', 'M%']), [2]],
  likeAnyOf: [(q) => q.likeAnyOf('name', ['Old%', 'M%']), [2, 3]],
  ilike: [(q) => q.ilike('name', '%room%'), [2, 4]],
  ilikeAllOf: [(q) => q.ilikeAllOf('name', ['%room%', 'm%']), [2]],
  ilikeAnyOf: [(q) => q.ilikeAnyOf('name', ['old%', 'm%']), [2, 3]],
  regexMatch: [(q) => q.regexMatch('name', '^(Map|Old) '), [2, 3]],
  regexIMatch: [(q) => q.regexIMatch('name', '^(map|old) '), [2, 3]],
  'is null': [(q) => q.is('heated', null), [3]],
  'is false': [(q) => q.is('heated', false), [2]],
  isDistinct: [(q) => q.isDistinct('heated', true), [2, 3]],
  in: [(q) => q.in('id', [1, 3, 99]), [1, 3]],
  'in, with reserved characters': [(q) => q.in('name', ['Reading Room, north', 'Map Room', 'a"b', 'c(d)']), [2, 4]],
  'in, of nothing': [(q) => q.in('id', []), []],
  notIn: [(q) => q.notIn('id', [1, 3]), [2, 4]],
  'contains, an array': [(q) => q.contains('tags', ['maps']), [2, 4]],
  'contains, an array of two': [(q) => q.contains('tags', ['maps', 'quiet']), [4]],
  'contains, a range': [(q) => q.contains('seats', '[3,4]'), [2, 4]],
  'contains, JSON': [(q) => q.contains('facts', { colour: 'red' }), [1, 4]],
  'containedBy, an array': [(q) => q.containedBy('tags', ['maps', 'quiet']), [2, 3, 4]],
  'containedBy, a range': [(q) => q.containedBy('seats', '[1,10]'), [2, 4]],
  'containedBy, JSON': [(q) => q.containedBy('facts', { colour: 'green', size: { m2: 24 } }), [2, 3]],
  rangeGt: [(q) => q.rangeGt('seats', '[1,5)'), [1]],
  rangeGte: [(q) => q.rangeGte('seats', '[2,5)'), [1, 2]],
  rangeLt: [(q) => q.rangeLt('seats', '[9,20)'), [2, 4]],
  rangeLte: [(q) => q.rangeLte('seats', '[2,5)'), [4]],
  rangeAdjacent: [(q) => q.rangeAdjacent('seats', '[5,7)'), [4]],
  'overlaps, an array': [(q) => q.overlaps('tags', ['stage', 'quiet']), [1, 4]],
  'overlaps, a range': [(q) => q.overlaps('seats', '[8,12]'), [1, 2]],
  textSearch: [(q) => q.textSearch('words', 'reading & room'), [4]],
  'textSearch, plain': [(q) => q.textSearch('words', 'room reading', { type: 'plain' }), [4]],
  'textSearch, phrase': [(q) => q.textSearch('words', 'map room', { type: 'phrase' }), [2]],
  'textSearch, as on the web': [(q) => q.textSearch('words', 'room -map', { type: 'websearch' }), [4]],
  'textSearch, in a language': [(q) => q.textSearch('words', 'rooms', { config: 'english' }), [2, 4]],
  'textSearch in text': [(q) => q.textSearch('name', 'kitchens', { config: 'english' }), [3]],
  match: [(q) => q.match({ floor: 1, heated: true }), [4]],
  not: [(q) => q.not('floor', 'gt', 0), [1, 3]],
  'not is null': [(q) => q.not('heated', 'is', null), [1, 2, 4]],
  'not in': [(q) => q.not('id', 'in', '(1,2)'), [3, 4]],
  or: [(q) => q.or('id.eq.1,name.eq.Map Room'), [1, 2]],
  'or, with and inside': [(q) => q.or('id.eq.3,and(heated.is.true,floor.gt.0)'), [3, 4]],
  'or, with not inside': [(q) => q.or('id.eq.3,not.and(heated.is.true,floor.gt.0)'), [1, 2, 3]],
  'or, with a quoted value': [(q) => q.or('name.eq."Reading Room, north",id.eq.1'), [1, 4]],
  'or, with an array': [(q) => q.or('tags.cs.{maps,quiet},floor.is.null'), [4]],
  'two or, both of which must hold': [(q) => q.or('id.eq.1,id.eq.2').or('floor.eq.0,floor.eq.-1'), [1]],
  filter: [(q) => q.filter('name', 'in', '("Map Room","Old Kitchen")'), [2, 3]],
  'filter on a path into JSON': [(q) => q.filter('facts->size->m2', 'gt', 20), [1, 2]],
  'two filters on one column': [(q) => q.gt('id', 1).lt('id', 4), [2, 3]],
}

for (const [name, [filter, expected]] of Object.entries(filters)) {
  test(name, async () => assert.deepEqual(await rooms(filter), expected))
}

test('ranges of time', async () => {
  assert.deepEqual(await bookings((q) => q.overlaps('during', '[2026-05-01 11:00,2026-05-01 12:30)')), [1, 4])
  assert.deepEqual(await bookings((q) => q.rangeAdjacent('during', '[2026-05-01 12:00,2026-05-01 13:00)')), [1])
  assert.deepEqual(await bookings((q) => q.contains('during', '[2026-05-02 10:00,2026-05-02 11:00)')), [2])
})

test('no filter finds the other tenant’s rows', async () => {
  assert.deepEqual(await rooms((q) => q.in('name', ['Warehouse', 'Annex'])), [])
  assert.deepEqual(await rooms((q) => q.or('name.eq.Warehouse,rent.gt.900')), [])
  assert.deepEqual(await rooms((q) => q.not('id', 'lt', 0).gt('rent', 900)), [])
  assert.equal((await rows(michael.from('rooms').select().gt('rent', 900))).length, 2)
})
