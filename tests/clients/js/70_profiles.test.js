// postgrest-js and ra-data-postgrest: schema().
import { test } from 'node:test'
import assert from 'node:assert/strict'
import module from '@raphiniert/ra-data-postgrest'
import { leslie, client, rows, refusal, tokens, url } from './service.js'

test('the schema that is served', async (t) => {
  t.after(() => rows(leslie.from('items').delete().eq('title', 'kazoo')))
  const api = leslie.schema('api')
  assert.deepEqual(await rows(api.from('rooms').select('id').eq('id', 1)), [{ id: 1 }])
  assert.equal((await api.from('items').insert({ title: 'kazoo' })).status, 201)
  const configured = client(tokens.leslie, { schema: 'api' })
  assert.deepEqual(await rows(configured.from('rooms').select('id').eq('id', 1)), [{ id: 1 }])
})

test('another schema', async () => {
  for (const query of [leslie.schema('secret').from('rooms').select(), leslie.schema('secret').from('rooms').insert({})]) {
    const error = await refusal(query)
    assert.deepEqual({ status: error.status, code: error.code }, { status: 406, code: 'PGRST106' })
      assert.match(error.message, /^Invalid schema/)
  }
})

test('react-admin with a schema', async () => {
  const provider = module.default({
    apiUrl: url,
    defaultListOp: 'eq',
    primaryKeys: new Map(),
    schema: () => 'api',
    httpClient: async (address, { headers, ...options }) => {
      headers.set('Authorization', `Bearer ${tokens.leslie}`)
      const response = await fetch(address, { ...options, headers })
      return { headers: response.headers, json: await response.json() }
    },
  })
  assert.equal((await provider.getOne('rooms', { id: 1 })).data.name, 'Great Hall')
})
