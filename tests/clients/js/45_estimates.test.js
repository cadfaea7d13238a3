// postgrest-js: counts that Postgres estimates. Only where the configuration allows them.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie } from './service.js'

test('planned', async () => {
  const { data, count, error } = await leslie.from('rooms').select('id', { count: 'planned' })
  assert.equal(error, null)
  assert.equal(data.length, 4)
  assert.ok(Number.isInteger(count))
})

test('estimated: exact where there are few rows', async () => {
  const { count, error } = await leslie.from('rooms').select('id', { count: 'estimated', head: true })
  assert.equal(error, null)
  assert.equal(count, 4)
})
