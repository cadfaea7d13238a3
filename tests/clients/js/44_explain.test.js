// postgrest-js: explain(). Only where the configuration allows it.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, rows } from './service.js'

test('as text', async () => {
  assert.match(await rows(leslie.from('rooms').select('id').explain()), /cost=/)
})

test('as JSON, with what really happened', async () => {
  const [explained] = await rows(leslie.from('rooms').select('id').eq('id', 1).explain({ format: 'json', analyze: true }))
  assert.equal(typeof explained.Plan['Total Cost'], 'number')
  assert.equal(typeof explained.Plan['Actual Rows'], 'number')
})
