// postgrest-js and ra-data-postgrest: rpc(), with the demo's functions.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import module from '@raphiniert/ra-data-postgrest'
import { leslie, michael, client, rows, column, refusal, url, tokens } from './service.js'

const clean = (t, ...titles) => t.after(() => rows(leslie.from('items').delete().in('title', titles)))
const total = async (user) => (await user.from('items').select('*', { count: 'exact', head: true })).count

test('a scalar, asked for in three ways', async () => {
  const expected = await total(leslie)
  assert.equal(await rows(leslie.rpc('items_total')), expected)
  assert.equal(await rows(leslie.rpc('items_total', {}, { get: true })), expected)
  const { data, error, status } = await leslie.rpc('items_total', {}, { head: true })
  assert.deepEqual({ data, error, status }, { data: null, error: null, status: 200 })
  assert.equal(await rows(michael.rpc('items_total')), await total(michael))
})

test('a set of scalars', async () => {
  assert.ok((await rows(leslie.rpc('item_titles'))).includes('book drive'))
  assert.ok(!(await rows(michael.rpc('item_titles'))).includes('book drive'))
})

test('a set of rows: arguments, a default', async () => {
  for (const options of [{}, { get: true }]) {
    const found = (args) => column('title', leslie.rpc('search_items', args, options))
    assert.deepEqual(await found({ query: 'S' }), ['harvest festival', 'swing set repairs'])
    assert.deepEqual(await found({ query: 'S', at_most: 1 }), ['harvest festival'])
    assert.deepEqual(await found({ query: 'toner' }), [])
  }
})

test('a set of rows: select, filters, order, a page and a count', async () => {
  const query = (options) =>
    leslie
      .rpc('search_items', { query: 'a' }, { count: 'exact', ...options })
      .select('title')
      .neq('title', 'art-fair')
      .order('title', { ascending: false })
      .limit(2)
  for (const options of [{}, { get: true }]) {
    const { data, count, error } = await query(options)
    assert.equal(error, null)
    assert.deepEqual(data, [{ title: 'swing set repairs' }, { title: 'harvest festival' }])
    assert.equal(count, 3)
  }
  assert.equal((await query({ head: true })).count, 3)
})

test('a set of rows: what belongs to each', async () => {
  const query = leslie.rpc('find_tickets', { status: 'closed' }).select('subject, ticket_comments(body)')
  assert.deepEqual(await rows(query), [
    { subject: 'The telephone rings', ticket_comments: [{ body: 'I agree with the ticket.' }] },
  ])
})

test('a set of rows: single and maybeSingle', async () => {
  const found = (query) => leslie.rpc('search_items', { query }).select('title')
  assert.deepEqual(await rows(found('book').single()), { title: 'book drive' })
  assert.equal((await refusal(found('S').single())).code, 'PGRST116')
  assert.equal(await rows(found('nothing').maybeSingle()), null)
})

test('a table of its own', async () => {
  const statuses = await rows(leslie.rpc('tickets_by_status'))
  assert.deepEqual(statuses, [
    { status: 'closed', tickets: 1 },
    { status: 'open', tickets: 2 },
    { status: 'pending', tickets: 1 },
  ])
  assert.deepEqual(await rows(leslie.rpc('tickets_by_status').eq('status', 'open').select('tickets')), [{ tickets: 2 }])
})

test('JSON', async () => {
  assert.deepEqual(await rows(leslie.rpc('desk_summary')), { tickets: 4, open: 2, urgent: 1 })
})

test('one name, several functions: the arguments choose', async () => {
  const found = async (args) => (await column('subject', leslie.rpc('find_tickets', args).order('subject'))).length
  assert.equal(await found({ status: 'open' }), 2)
  assert.equal(await found({ status: 'open', priority: 'urgent' }), 1)
  assert.equal(await found({ opened_since: '2020-01-01' }), 4)
})

test('as many arguments as one likes', async () => {
  const titles = await column('title', leslie.rpc('items_titled', { titles: ['book drive', 'art-fair', 'toner'] }))
  assert.deepEqual(titles, ['art-fair', 'book drive'])
})

test('the body as it is', async (t) => {
  clean(t, 'kazoo', 'gong')
  const imported = await rows(leslie.rpc('import_items', [{ title: 'kazoo' }, { title: 'gong' }, { title: 'book drive' }]))
  assert.deepEqual(imported.map((item) => item.title).sort(), ['gong', 'kazoo'])
})

test('a row that is written', async (t) => {
  clean(t, 'kazoo')
  const item = await rows(leslie.rpc('add_item', { title: 'kazoo' }))
  assert.equal(item.title, 'kazoo')
  assert.deepEqual(await rows(leslie.from('items').select().eq('id', item.id)), [item])
  assert.deepEqual(await rows(michael.from('items').select().eq('id', item.id)), [])
})

test('what writes is not to be had by GET', async () => {
  const before = await total(leslie)
  const error = await refusal(leslie.rpc('add_item', { title: 'kazoo' }, { get: true }))
  assert.deepEqual({ status: error.status, code: error.code }, { status: 405, code: '25006' })
  assert.equal(await total(leslie), before)
})

test('nothing', async (t) => {
  const ticket = await rows(leslie.from('support_tickets').insert({ subject: 'kazoo' }).select('id').single())
  t.after(() => rows(leslie.from('support_tickets').delete().eq('id', ticket.id)))
  const { data, error, status } = await leslie.rpc('close_ticket', { ticket_id: ticket.id })
  assert.deepEqual({ data, error, status }, { data: null, error: null, status: 204 })
  assert.deepEqual(await column('status', leslie.from('support_tickets').select().eq('id', ticket.id)), ['closed'])
})

test('the other tenant’s ticket is as absent as one that never was', async () => {
  const [ticket] = await rows(michael.from('support_tickets').select('id, status').eq('status', 'open'))
  const foreign = await refusal(leslie.rpc('close_ticket', { ticket_id: ticket.id }))
  const absent = await refusal(leslie.rpc('close_ticket', { ticket_id: '00000000-0000-4000-8000-000000000000' }))
  assert.deepEqual(foreign, { status: 404, code: 'PT404', message: 'there is no such ticket', details: null, hint: null })
  assert.deepEqual(absent, foreign)
  assert.deepEqual(await column('status', michael.from('support_tickets').select().eq('id', ticket.id)), ['open'])
})

test('a refusal with a status of its own', async (t) => {
  const tickets = await rows(
    leslie
      .from('support_tickets')
      .insert(['first', 'second'].map((subject) => ({ subject })))
      .select('id')
  )
  t.after(() =>
    rows(
      leslie
        .from('support_tickets')
        .delete()
        .in(
          'id',
          tickets.map((ticket) => ticket.id)
        )
    )
  )
  assert.equal((await rows(leslie.rpc('escalate_ticket', { ticket_id: tickets[0].id }))).priority, 'urgent')
  assert.deepEqual(await refusal(leslie.rpc('escalate_ticket', { ticket_id: tickets[1].id })), {
    status: 402,
    code: 'PT402',
    message: 'no more than two tickets can be urgent',
    details: '2 tickets are urgent and not solved.',
    hint: 'Solve one of them, or order the larger contract.',
  })
})

test('a function that is not there, and one that has other arguments', async () => {
  const unknown = await refusal(leslie.rpc('items_totall'))
  assert.deepEqual({ status: unknown.status, code: unknown.code }, { status: 404, code: 'PGRST202' })
  assert.match(unknown.message, /^Could not find the function (api\.)?items_totall without parameters in the schema cache$/)
  assert.match(unknown.hint, /items_total/)
  const other = await refusal(leslie.rpc('search_items', { words: 'x' }))
  assert.deepEqual({ status: other.status, code: other.code }, { status: 404, code: 'PGRST202' })
})

test('an argument of another type', async () => {
  assert.equal((await refusal(leslie.rpc('search_items', { query: 'x', at_most: 'many' }))).code, '22P02')
})

test('without a token', async () => {
  assert.equal((await refusal(client().rpc('items_total'))).status, 401)
})

test('react-admin: a list from a function', async () => {
  const provider = module.default({
    apiUrl: url,
    defaultListOp: 'eq',
    primaryKeys: new Map(),
    schema: () => '',
    httpClient: async (address, { headers, ...options }) => {
      headers.set('Authorization', `Bearer ${tokens.leslie}`)
      const response = await fetch(address, { ...options, headers })
      return { headers: response.headers, json: await response.json() }
    },
  })
  const list = await provider.getList('rpc/search_items', {
    pagination: { page: 1, perPage: 1 },
    sort: { field: 'title', order: 'DESC' },
    filter: { 'query@': 'S' },
  })
  assert.deepEqual(
    list.data.map((item) => item.title),
    ['swing set repairs']
  )
  assert.equal(list.total, 2)
})
