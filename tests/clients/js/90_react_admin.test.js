// ra-data-postgrest, react-admin's data provider. Its functions need no React; the client of HTTP is fetch, as that of
// react-admin's fetchUtils.fetchJson does it.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import module from '@raphiniert/ra-data-postgrest'
import { tokens, tenants, url, leslie, rows } from './service.js'

const provider = (token, primaryKeys = new Map(), schema = () => '') =>
  module.default({
    apiUrl: url,
    defaultListOp: 'eq',
    primaryKeys,
    schema,
    httpClient: async (address, { headers = new Headers(), ...options } = {}) => {
      if (!headers.has('Accept')) headers.set('Accept', 'application/json')
      headers.set('Authorization', `Bearer ${token}`)
      const response = await fetch(address, { ...options, headers })
      const body = await response.text()
      const json = body ? JSON.parse(body) : undefined
      if (!response.ok) throw Object.assign(new Error(json?.message ?? response.statusText), { status: response.status, body: json })
      return { status: response.status, headers: response.headers, body, json }
    },
  })

const pawnee = provider(tokens.leslie)
const dunderMifflin = provider(tokens.michael)
const byName = { field: 'name', order: 'ASC' }
const byId = { field: 'id', order: 'ASC' }
const page = (page, perPage) => ({ page, perPage })
const ids = ({ data }) => data.map((record) => record.id)

test('getList: pages with the total', async () => {
  const first = await pawnee.getList('rooms', { pagination: page(1, 3), sort: byId, filter: {} })
  assert.deepEqual(ids(first), [1, 2, 3])
  assert.equal(first.total, 4)
  const second = await pawnee.getList('rooms', { pagination: page(2, 3), sort: byId, filter: {} })
  assert.deepEqual(ids(second), [4])
  assert.equal(second.total, 4)
})

test('getList: the other tenant’s are neither listed nor counted', async () => {
  const list = await dunderMifflin.getList('rooms', { pagination: page(1, 10), sort: byName, filter: {} })
  assert.deepEqual(
    list.data.map((room) => room.name),
    ['Annex', 'Warehouse']
  )
  assert.equal(list.total, 2)
})

test('getList: sorted downwards, and with nulls where they are wanted', async () => {
  const sorted = (sort, meta) => pawnee.getList('rooms', { pagination: page(1, 10), sort, filter: {}, meta })
  assert.deepEqual(ids(await sorted({ field: 'id', order: 'DESC' })), [4, 3, 2, 1])
  assert.deepEqual(ids(await sorted({ field: 'rent', order: 'ASC' }, { nullsfirst: true })), [3, 4, 2, 1])
  assert.deepEqual(ids(await sorted({ field: 'rent', order: 'DESC' }, { nullslast: true })), [1, 2, 4, 3])
})

test('getList: filters', async () => {
  const found = async (filter) => {
    const list = await pawnee.getList('rooms', { pagination: page(1, 10), sort: byId, filter })
    assert.equal(list.total, list.data.length)
    return ids(list)
  }
  assert.deepEqual(await found({ floor: 1 }), [2, 4])
  assert.deepEqual(await found({ 'floor@gte': 0 }), [1, 2, 4])
  assert.deepEqual(await found({ 'name@ilike': 'room' }), [2, 4])
  assert.deepEqual(await found({ 'name@like': 'Map' }), [2])
  assert.deepEqual(await found({ 'heated@is': 'null' }), [3])
  assert.deepEqual(await found({ 'id@in': '(1,4)' }), [1, 4])
  assert.deepEqual(await found({ 'tags@cs': '{maps}' }), [2, 4])
  assert.deepEqual(await found({ 'words@fts': 'room' }), [2, 4])
  assert.deepEqual(await found({ '@or': { 'id@eq': 1, 'name@eq': 'Map Room' } }), [1, 2])
  assert.deepEqual(await found({ 'floor@gt': 0, heated: true }), [4])
  assert.deepEqual(await found({ 'facts->>colour': 'red' }), [1, 4])
  assert.deepEqual(await found({ name: 'Warehouse' }), [])
})

test('getList: of only some columns, with what is embedded', async () => {
  const list = await pawnee.getList('rooms', {
    pagination: page(1, 1),
    sort: byId,
    filter: {},
    meta: { columns: ['id', 'name'], embed: ['bookings'] },
  })
  assert.deepEqual(Object.keys(list.data[0]), ['id', 'name', 'bookings'])
  assert.deepEqual(list.data[0].bookings.map((booking) => booking.id).sort(), [1, 2])
})

test('getList: prefetched', async () => {
  const list = await pawnee.getList('bookings', {
    pagination: page(1, 2),
    sort: byId,
    filter: {},
    meta: { prefetch: ['rooms'] },
  })
  assert.equal(list.data[0].rooms, undefined)
  assert.deepEqual(
    list.meta.prefetched.rooms.map((room) => room.name),
    ['Great Hall']
  )
})

test('getOne', async () => {
  assert.equal((await pawnee.getOne('rooms', { id: 2 })).data.name, 'Map Room')
  const one = await pawnee.getOne('rooms', { id: 2, meta: { columns: 'id,name' } })
  assert.deepEqual(one.data, { id: 2, name: 'Map Room' })
  assert.equal((await dunderMifflin.getOne('rooms', { id: 2 })).data.name, 'Annex')
})

test('getOne: of another tenant’s, or of nobody’s', async () => {
  const [item] = await rows(leslie.from('items').select('id').limit(1))
  await assert.rejects(dunderMifflin.getOne('items', { id: item.id }), { status: 406 })
  await assert.rejects(pawnee.getOne('rooms', { id: 99 }), (error) => error.status === 406 && error.body.code === 'PGRST116')
})

test('getMany', async () => {
  assert.deepEqual(ids(await pawnee.getMany('rooms', { ids: [1, 2, 99] })).sort(), [1, 2])
  assert.deepEqual(ids(await pawnee.getMany('rooms', { ids: [3] })), [3])
  assert.deepEqual(ids(await pawnee.getMany('rooms', { ids: [] })), [])
})

test('getManyReference', async () => {
  const references = await pawnee.getManyReference('bookings', {
    target: 'room_id',
    id: 1,
    pagination: page(1, 1),
    sort: byId,
    filter: { 'price@gt': 10 },
  })
  assert.deepEqual(ids(references), [1])
  assert.equal(references.total, 2)
})

test('create, update, delete', async (t) => {
  t.after(() => rows(leslie.from('items').delete().in('title', ['kazoo', 'gong'])))
  const { data: created } = await pawnee.create('items', { data: { title: 'kazoo' } })
  assert.equal(created.tenant_id, tenants.pawnee)

  const { data: updated } = await pawnee.update('items', { id: created.id, data: { ...created, title: 'gong' }, previousData: created })
  assert.deepEqual(updated, { ...created, title: 'gong' })
  assert.deepEqual((await pawnee.getOne('items', { id: created.id })).data, updated)

  await assert.rejects(dunderMifflin.update('items', { id: created.id, data: { title: 'mine' }, previousData: {} }), { status: 406 })
  await assert.rejects(dunderMifflin.delete('items', { id: created.id, previousData: created }), { status: 406 })

  assert.deepEqual((await pawnee.delete('items', { id: created.id, previousData: updated })).data, updated)
  await assert.rejects(pawnee.getOne('items', { id: created.id }), { status: 406 })
})

test('update: of what is not changed asks nothing', async () => {
  const { data: room } = await pawnee.getOne('rooms', { id: 2 })
  assert.deepEqual((await pawnee.update('rooms', { id: 2, data: room, previousData: room })).data, room)
})

test('updateMany and deleteMany', async (t) => {
  t.after(() => rows(leslie.from('rooms').delete().gte('id', 100)))
  for (const id of [100, 101]) await pawnee.create('rooms', { data: { id, name: `Shed ${id}` } })
  const updated = await pawnee.updateMany('rooms', { ids: [100, 101], data: { floor: 5 } })
  assert.deepEqual(updated.data.sort(), [100, 101])
  assert.deepEqual((await pawnee.deleteMany('rooms', { ids: [100, 101] })).data.sort(), [100, 101])
  assert.deepEqual((await pawnee.getMany('rooms', { ids: [100, 101] })).data, [])
})

test('updateMany and deleteMany: the other tenant’s stay', async () => {
  const { data } = await pawnee.getList('items', { pagination: page(1, 2), sort: { field: 'title', order: 'ASC' }, filter: {} })
  const foreign = data.map((item) => item.id)
  assert.deepEqual((await dunderMifflin.updateMany('items', { ids: foreign, data: { title: 'mine' } })).data, [])
  assert.deepEqual((await dunderMifflin.deleteMany('items', { ids: foreign })).data, [])
  assert.equal((await pawnee.getMany('items', { ids: foreign })).data.length, 2)
})

test('a refusal says what is wrong', async () => {
  await assert.rejects(pawnee.create('items', { data: { title: 'book drive' } }), (error) => error.status === 409 && error.body.code === '23505')
  await assert.rejects(pawnee.create('newsfeed_items', { data: { title: 'x' } }), { status: 403 })
  await assert.rejects(provider('nonsense').getList('items', { pagination: page(1, 1), sort: byId, filter: {} }), { status: 401 })
})

test('keys of several columns', async (t) => {
  const keys = new Map([['guests', ['booking_id', 'person_id']]])
  const compound = provider(tokens.leslie, keys)
  t.after(() => rows(leslie.from('guests').delete().eq('booking_id', 4)))

  const list = await compound.getList('guests', { pagination: page(1, 2), sort: byId, filter: {} })
  assert.deepEqual(ids(list), ['[1,2]', '[1,3]'])
  assert.equal((await compound.getOne('guests', { id: '[1,3]' })).data.person_id, 3)
  assert.deepEqual(ids(await compound.getMany('guests', { ids: ['[1,2]', '[3,2]', '[3,3]'] })), ['[1,2]', '[3,2]'])

  const { data: created } = await compound.create('guests', { data: { booking_id: 4, person_id: 1 } })
  assert.equal(created.id, '[4,1]')
  await compound.create('guests', { data: { booking_id: 4, person_id: 2 } })
  assert.deepEqual((await compound.deleteMany('guests', { ids: ['[4,1]', '[4,2]'] })).data.sort(), ['[4,1]', '[4,2]'])
})
