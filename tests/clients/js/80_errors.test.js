// postgrest-js: what a client branches on when something is wrong.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { client, leslie, michael, tokens, rows, refusal, url, watched, tenants } from './service.js'

test('without a token', async () => {
  const error = await refusal(client().from('items').select())
  assert.equal(error.status, 401)
  assert.equal(error.code, 'PGRST302')
  assert.deepEqual(Object.keys(error), ['status', 'code', 'message', 'details', 'hint'])
})

test('with a token that nobody signed', async () => {
  for (const token of ['nonsense', `${tokens.leslie}x`, tokens.leslie.replace(/[^.]*$/, '')]) {
    const error = await refusal(client(token).from('items').select())
    assert.equal(error.status, 401)
    assert.equal(error.code, 'PGRST301')
  }
})

test('a 401 says how to identify oneself', async () => {
  const sent = watched('nonsense')
  await refusal(sent.client.from('items').select())
  assert.match(sent.last.headers.get('www-authenticate'), /^Bearer/)
})

test('a tenant that the token does not prove', async () => {
  const chosen = client(tokens.leslie, { headers: { Authorization: `Bearer ${tokens.leslie}`, 'X-Tenant-Id': tenants.dunderMifflin } })
  assert.equal((await refusal(chosen.from('items').select())).status, 403)
})

test('a relation that is not there', async () => {
  const error = await refusal(leslie.from('itemz').select())
  assert.equal(error.status, 404)
  assert.equal(error.code, 'PGRST205')
  assert.match(error.message, /^Could not find the table '(api\.)?itemz' in the schema cache$/)
  assert.match(error.hint, /^Perhaps you meant the table '(api\.)?items'$/)
  assert.equal(error.details, null)
})

test('a column that is not there', async () => {
  const error = await refusal(leslie.from('items').select('id, colour'))
  assert.equal(error.status, 400)
  assert.equal(error.code, '42703')
  assert.match(error.message, /column items.colour does not exist/)

  const written = await refusal(leslie.from('items').insert({ colour: 'red' }))
  assert.equal(written.status, 400)
  assert.equal(written.code, 'PGRST204')
  assert.match(written.message, /Could not find the 'colour' column of 'items' in the schema cache/)
})

test('a query that cannot be read', async () => {
  const error = await refusal(leslie.from('items').select().filter('title', 'similar', 'x'))
  assert.equal(error.status, 400)
  assert.equal(error.code, 'PGRST100')
  assert.ok(error.message)
})

test('a value of another type', async () => {
  const error = await refusal(leslie.from('items').select().eq('id', 'x'))
  assert.deepEqual(error, {
    status: 400,
    code: '22P02',
    message: 'invalid input syntax for type uuid: "x"',
    details: null,
    hint: null,
  })
})

test('a check', async () => {
  const error = await refusal(leslie.from('items').insert({ title: ' ' }))
  assert.equal(error.code, '23514')
  assert.match(error.message, /items_title_given/)
})

test('a reference to nothing', async () => {
  const error = await refusal(leslie.from('guests').insert({ booking_id: 99, person_id: 1 }))
  assert.equal(error.status, 409)
  assert.equal(error.code, '23503')
})

test('a relation that is only read', async () => {
  const error = await refusal(leslie.from('newsfeed_items').insert({ title: 'x' }))
  assert.equal(error.status, 403)
  assert.equal(error.code, '42501')
  assert.equal(error.message, 'permission denied for table newsfeed_items')
})

test('a representation that is not made', async () => {
  const response = await fetch(`${url}/items`, {
    headers: { Authorization: `Bearer ${tokens.leslie}`, Accept: 'image/png' },
  })
  assert.equal(response.status, 406)
  assert.equal((await response.json()).code, 'PGRST107')
})

test('an error of one tenant tells nothing of another’s rows', async () => {
  const [{ id }] = await rows(michael.from('items').select('id').limit(1))
  const absent = await refusal(leslie.from('items').select().eq('id', '00000000-0000-4000-8000-000000000000').single())
  const foreign = await refusal(leslie.from('items').select().eq('id', id).single())
  assert.deepEqual(foreign, absent)
})
