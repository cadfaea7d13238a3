// postgrest-js: functions of a row as its columns.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { leslie, michael, rows, column } from './service.js'

test('selected, filtered and sorted by, and not among all columns', async () => {
  const tickets = (columns) => leslie.from('support_tickets').select(columns)
  assert.deepEqual(await rows(tickets('subject, is_waiting').eq('subject', 'The telephone rings')), [
    { subject: 'The telephone rings', is_waiting: false },
  ])
  assert.deepEqual(await column('subject', tickets('subject').is('is_waiting', false)), ['The telephone rings'])
  assert.deepEqual((await column('is_waiting', tickets('is_waiting').order('is_waiting')))[0], false)
  const [ticket] = await rows(tickets('*').limit(1))
  assert.ok(!('is_waiting' in ticket))
})

test('within another row', async () => {
  const [{ ticket }] = await rows(
    leslie.from('ticket_comments').select('ticket:support_tickets(is_waiting)').eq('body', 'I agree with the ticket.')
  )
  assert.deepEqual(ticket, { is_waiting: false })
})

test('of the tenant’s own rows', async () => {
  const subjects = await column('subject', michael.from('support_tickets').select('subject').is('is_waiting', false).order('subject'))
  assert.deepEqual(subjects, ['Fire drill schedule', 'The fax machine is out of toner'])
})
