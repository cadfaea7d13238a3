// postgrest-js: insert, upsert, update, delete.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, april, michael, rows, column, refusal, watched, tenants } from './service.js'

// Deletes what a test has made, also when it failed.
const clean = (t, ...titles) => t.after(() => rows(leslie.from('items').delete().in('title', titles)))
const count = async (client, relation) => (await client.from(relation).select('*', { count: 'exact', head: true })).count

test('insert: a row, no answer', async (t) => {
  clean(t, 'kazoo')
  const { data, error, status } = await leslie.from('items').insert({ title: 'kazoo' })
  assert.deepEqual({ data, error, status }, { data: null, error: null, status: 201 })
  assert.deepEqual(await column('title', leslie.from('items').select().eq('title', 'kazoo')), ['kazoo'])
  assert.deepEqual(await rows(michael.from('items').select().eq('title', 'kazoo')), [])
})

test('insert: a row and its answer', async (t) => {
  clean(t, 'kazoo')
  const { data, status } = await leslie.from('items').insert({ title: 'kazoo' }).select()
  assert.equal(status, 201)
  assert.equal(data.length, 1)
  assert.equal(data[0].tenant_id, tenants.pawnee)
  assert.match(data[0].id, /^[0-9a-f-]{36}$/)
})

test('insert: one row as an object', async (t) => {
  clean(t, 'kazoo')
  assert.deepEqual(await rows(leslie.from('items').insert({ title: 'kazoo' }).select('title').single()), { title: 'kazoo' })
})

test('insert: several rows, with a count', async (t) => {
  clean(t, 'kazoo', 'gong')
  const inserted = leslie.from('items').insert([{ title: 'kazoo' }, { title: 'gong' }], { count: 'exact' })
  const { count, status, error } = await inserted
  assert.deepEqual({ count, status, error }, { count: 2, status: 201, error: null })
  assert.deepEqual(await column('title', leslie.from('items').select('title').in('title', ['kazoo', 'gong']).order('title')), ['gong', 'kazoo'])
})

test('insert: rows of which some lack a key have null there', async (t) => {
  t.after(() => rows(leslie.from('bookings').delete().gte('id', 100)))
  const query = leslie
    .from('bookings')
    .insert([
      { id: 100, room_id: 1, during: '[2026-06-01,2026-06-02)', price: 1, note: 'given' },
      { id: 101, room_id: 1, during: '[2026-06-01,2026-06-02)', price: 1 },
    ])
    .select('id, note')
  assert.deepEqual(await rows(query), [
    { id: 100, note: 'given' },
    { id: 101, note: null },
  ])
})

test('insert: of nothing', async () => {
  const { status, error } = await leslie.from('items').insert([])
  assert.deepEqual({ status, error }, { status: 201, error: null })
})

test('insert: a row of another tenant is refused', async () => {
  const before = await count(michael, 'items')
  const error = await refusal(leslie.from('items').insert({ title: 'kazoo', tenant_id: tenants.dunderMifflin }))
  assert.equal(error.status, 403)
  assert.equal(error.code, '42501')
  assert.match(error.message, /row-level security policy/)
  assert.equal(await count(michael, 'items'), before)
})

test('insert: a row that is there already', async () => {
  const error = await refusal(leslie.from('items').insert({ title: 'book drive' }))
  assert.equal(error.status, 409)
  assert.equal(error.code, '23505')
  assert.match(error.message, /duplicate key value violates unique constraint "items_title_key"/)
})

test('insert: all or nothing', async () => {
  const before = await count(leslie, 'items')
  await refusal(leslie.from('items').insert([{ title: 'kazoo' }, { title: 'book drive' }]))
  assert.equal(await count(leslie, 'items'), before)
})

test('upsert: what is there is changed, what is not is added', async (t) => {
  t.after(() => rows(leslie.from('rooms').delete().gte('id', 100)))
  await rows(leslie.from('rooms').insert({ id: 100, name: 'Shed' }))
  const query = leslie
    .from('rooms')
    .upsert([
      { tenant_id: tenants.pawnee, id: 100, name: 'Barn' },
      { tenant_id: tenants.pawnee, id: 101, name: 'Silo' },
    ])
    .select('id, name')
  const { data, error } = await query
  assert.equal(error, null)
  assert.deepEqual(data, [
    { id: 100, name: 'Barn' },
    { id: 101, name: 'Silo' },
  ])
})

test('upsert: only what is new', async (t) => {
  t.after(() => rows(leslie.from('rooms').delete().gte('id', 100)))
  const query = leslie
    .from('rooms')
    .upsert([{ id: 1, name: 'Not a hall' }, { id: 100, name: 'Shed' }], { ignoreDuplicates: true })
    .select('id, name')
  assert.deepEqual(await rows(query), [{ id: 100, name: 'Shed' }])
  assert.deepEqual(await column('name', leslie.from('rooms').select('name').eq('id', 1)), ['Great Hall'])
})

test('upsert: by another key', async (t) => {
  t.after(() => rows(leslie.from('rooms').delete().gte('id', 100)))
  await rows(leslie.from('rooms').insert({ id: 100, name: 'Shed', floor: 0 }))
  const query = leslie
    .from('rooms')
    .upsert({ id: 100, name: 'Shed', floor: 7 }, { onConflict: 'tenant_id,name' })
    .select('id, name, floor')
  const { data, status } = await query
  assert.deepEqual(data, [{ id: 100, name: 'Shed', floor: 7 }])
  assert.equal(status, 200)
})

test('upsert: never reaches the other tenant’s row of the same key', async () => {
  const { error } = await leslie.from('rooms').upsert({ tenant_id: tenants.dunderMifflin, id: 1, name: 'Mine' })
  assert.equal(error.code, '42501')
  assert.deepEqual(await column('name', michael.from('rooms').select('name').eq('id', 1)), ['Warehouse'])
})

test('update', async (t) => {
  t.after(() => rows(leslie.from('rooms').update({ floor: 1 }).in('id', [2, 4])))
  const silent = await leslie.from('rooms').update({ floor: 2 }).eq('id', 2)
  assert.deepEqual({ data: silent.data, status: silent.status }, { data: null, status: 204 })
  const { data, count, status } = await leslie.from('rooms').update({ floor: 3 }, { count: 'exact' }).in('id', [2, 4]).select('id, floor')
  assert.equal(status, 200)
  assert.equal(count, 2)
  assert.deepEqual(
    data.sort((a, b) => a.id - b.id),
    [
      { id: 2, floor: 3 },
      { id: 4, floor: 3 },
    ]
  )
  assert.deepEqual(await column('floor', michael.from('rooms').select('floor').eq('id', 2)), [1])
})

test('update: of no row', async () => {
  assert.deepEqual(await rows(leslie.from('rooms').update({ floor: 2 }).eq('id', 99).select()), [])
  const error = await refusal(leslie.from('rooms').update({ floor: 2 }).eq('id', 99).select().single())
  assert.equal(error.code, 'PGRST116')
})

test('update: a single object is asked for and there are more, so that nothing happens', async () => {
  const error = await refusal(leslie.from('rooms').update({ floor: 9 }).in('id', [2, 4]).select().single())
  assert.equal(error.code, 'PGRST116')
  assert.deepEqual(await rows(leslie.from('rooms').select('id').eq('floor', 9)), [])
})

test('update: no more than so many', async () => {
  const error = await refusal(leslie.from('rooms').update({ floor: 9 }).gt('id', 0).maxAffected(1))
  assert.deepEqual({ status: error.status, code: error.code }, { status: 400, code: 'PGRST124' })
  assert.deepEqual(await rows(leslie.from('rooms').select('id').eq('floor', 9)), [])
})

test('update: a column that may not be changed', async () => {
  const error = await refusal(leslie.from('items').update({ tenant_id: tenants.dunderMifflin }).eq('title', 'book drive'))
  assert.equal(error.status, 403)
  assert.equal(error.code, '42501')
})

test('delete', async (t) => {
  clean(t, 'kazoo', 'gong')
  await rows(leslie.from('items').insert([{ title: 'kazoo' }, { title: 'gong' }]))
  const silent = await leslie.from('items').delete().eq('title', 'kazoo')
  assert.deepEqual({ data: silent.data, status: silent.status }, { data: null, status: 204 })
  const { data, count, status } = await leslie.from('items').delete({ count: 'exact' }).eq('title', 'gong').select('title')
  assert.deepEqual({ data, count, status }, { data: [{ title: 'gong' }], count: 1, status: 200 })
})

test('delete: the other tenant’s row stays', async () => {
  const before = await count(michael, 'rooms')
  assert.deepEqual(await rows(leslie.from('rooms').delete().eq('name', 'Warehouse').select()), [])
  assert.equal(await count(michael, 'rooms'), before)
})

test('delete: what policies leave to somebody else', async () => {
  const [link] = await rows(leslie.from('links').select('id').eq('creator_user_id', 'ron.swanson'))
  assert.deepEqual(await rows(april.from('links').delete().eq('id', link.id).select()), [])
  assert.equal((await rows(leslie.from('links').select('id').eq('id', link.id))).length, 1)
})

test('what was made is named in a header', async (t) => {
  clean(t, 'kazoo')
  const sent = watched()
  await rows(sent.client.from('items').insert({ title: 'kazoo' }).select('id'))
  assert.equal(sent.last.headers.get('preference-applied'), 'return=representation')
})

test('two tenants have rows of the same words', async (t) => {
  clean(t, 'toner')
  assert.equal((await leslie.from('items').insert({ title: 'toner' })).status, 201)
  assert.equal((await rows(michael.from('items').select().eq('title', 'toner'))).length, 1)
})
