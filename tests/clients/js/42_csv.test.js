// postgrest-js: csv().
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, rows, watched } from './service.js'

// Rows of fields, quoted or not.
const parsed = (text) =>
  text
    .trim()
    .split(/\r?\n/)
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare)
    )

test('csv', async () => {
  const text = await rows(leslie.from('rooms').select('id, name, heated, rent, tags').order('id').csv())
  assert.deepEqual(parsed(text), [
    ['id', 'name', 'heated', 'rent', 'tags'],
    ['1', 'Great Hall', 't', '120.50', '{large,stage}'],
    ['2', 'Map Room', 'f', '40.00', '{maps}'],
    ['3', 'Old Kitchen', '', '', '{}'],
    ['4', 'Reading Room, north', 't', '15.25', '{quiet,maps}'],
  ])
})

test('csv: its type', async () => {
  const sent = watched()
  await rows(sent.client.from('rooms').select('id').csv())
  assert.match(sent.last.headers.get('content-type'), /^text\/csv; ?charset=utf-8$/)
})

test('csv of what was written', async (t) => {
  t.after(() => rows(leslie.from('items').delete().eq('title', 'kazoo')))
  const text = await rows(leslie.from('items').insert({ title: 'kazoo' }).select('title').csv())
  assert.deepEqual(parsed(text), [['title'], ['kazoo']])
})
