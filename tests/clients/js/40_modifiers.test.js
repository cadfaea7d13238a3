// postgrest-js: what is done with the rows that were found.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows, column, refusal } from './service.js'

test('order', async () => {
  const ids = (query) => column('id', query)
  const rooms = () => leslie.from('rooms').select('id, floor')
  assert.deepEqual(await ids(rooms().order('id', { ascending: false })), [4, 3, 2, 1])
  assert.deepEqual(await ids(rooms().order('floor').order('id', { ascending: false })), [3, 1, 4, 2])
  assert.deepEqual(await ids(rooms().order('rent', { nullsFirst: true })), [3, 4, 2, 1])
  assert.deepEqual(await ids(rooms().order('rent', { ascending: false, nullsFirst: false })), [1, 2, 4, 3])
  assert.deepEqual(await ids(rooms().order('facts->size->m2', { nullsFirst: false })), [4, 2, 1, 3])
})

test('limit and range', async () => {
  const rooms = () => leslie.from('rooms').select('id').order('id')
  assert.deepEqual(await rows(rooms().limit(1)), [{ id: 1 }])
  assert.deepEqual(await rows(rooms().limit(0)), [])
  assert.deepEqual(await rows(rooms().range(1, 2)), [{ id: 2 }, { id: 3 }])
  assert.deepEqual(await rows(rooms().range(3, 100)), [{ id: 4 }])
  assert.deepEqual(await rows(rooms().range(100, 200)), [])
})

test('a counted page beyond the end', async () => {
  const error = await refusal(leslie.from('rooms').select('id', { count: 'exact' }).range(100, 200))
  assert.equal(error.status, 416)
  assert.equal(error.code, 'PGRST103')
  assert.equal(error.message, 'Requested range not satisfiable')
})

test('single', async () => {
  const { data, error } = await leslie.from('rooms').select('id, name').eq('id', 2).single()
  assert.deepEqual({ data, error }, { data: { id: 2, name: 'Map Room' }, error: null })
})

test('single of no rows, and of several', async () => {
  for (const query of [leslie.from('rooms').select().eq('id', 99), leslie.from('rooms').select()]) {
    const error = await refusal(query.single())
    assert.equal(error.status, 406)
    assert.equal(error.code, 'PGRST116')
    assert.match(error.message, /Cannot coerce the result to a single JSON object/)
    assert.match(error.details, /^The result contains /)
  }
})

test('single of the other tenant’s row is no row', async () => {
  const [{ id }] = await rows(michael.from('items').select('id').limit(1))
  assert.equal((await refusal(leslie.from('items').select().eq('id', id).single())).code, 'PGRST116')
})

test('maybeSingle', async () => {
  assert.deepEqual(await rows(leslie.from('rooms').select('id').eq('id', 2).maybeSingle()), { id: 2 })
  assert.equal(await rows(leslie.from('rooms').select('id').eq('id', 99).maybeSingle()), null)
  assert.equal((await refusal(leslie.from('rooms').select('id').maybeSingle())).status, 406)
})

test('throwOnError', async () => {
  await assert.rejects(async () => await leslie.from('rooms').select().eq('id', 99).single().throwOnError(), { code: 'PGRST116' })
})
