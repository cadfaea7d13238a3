// postgrest-js: a function that decides status and headers of its answer, and the route that it declares.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows, refusal, watched, tokens, url } from './service.js'

const canoes = 'https://woodworking.example.org/canoes'
const slug = async () => (await rows(leslie.from('links').select('id').eq('url', canoes).single())).id

test('a short link redirects', async () => {
  for (const options of [{}, { get: true }]) {
    const sent = watched()
    await sent.client.rpc('follow_link', { slug: await slug() }, options)
    assert.equal(sent.last.status, 307)
    assert.equal(sent.last.headers.get('location'), canoes)
  }
})

test('a short link at its route', async () => {
  const follow = async (token) =>
    await fetch(`${url}/${await slug()}`, { redirect: 'manual', headers: { Authorization: `Bearer ${token}` } })
  const followed = await follow(tokens.leslie)
  assert.equal(followed.status, 307)
  assert.equal(followed.headers.get('location'), canoes)
  assert.equal((await follow(tokens.michael)).status, 404)
})

test('the other tenant’s link leads nowhere', async () => {
  const error = await refusal(michael.rpc('follow_link', { slug: await slug() }))
  assert.deepEqual({ status: error.status, code: error.code }, { status: 404, code: 'PT404' })
})
