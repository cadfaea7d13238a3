// The service under test and its users, as scripts/clients tells them.
import { PostgrestClient } from '@supabase/postgrest-js'

export const url = process.env.CLIENTS_URL

/** Tokens by user: leslie (owner) and april (member) of pawnee-parks-and-rec, michael (owner) of dunder-mifflin. */
export const tokens = {
  leslie: process.env.CLIENTS_TOKEN_LESLIE,
  april: process.env.CLIENTS_TOKEN_APRIL,
  michael: process.env.CLIENTS_TOKEN_MICHAEL,
}

export const tenants = {
  pawnee: '7a245486-3fc8-47ec-b303-04fefe7a58ff',
  dunderMifflin: '162be16f-4c1d-4b0e-9a53-6f7d20c8e915',
}

/** A client that sends the token; without one, a client that sends none. */
export function client(token, options = {}) {
  return new PostgrestClient(url, {
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    ...options,
  })
}

export const leslie = client(tokens.leslie)
export const april = client(tokens.april)
export const michael = client(tokens.michael)

/** A client of leslie's whose answers are kept too, for what the client does not hand on: `await sent.rows; sent.last`. */
export function watched(token = tokens.leslie) {
  const seen = {}
  seen.client = client(token, {
    fetch: async (input, init) => {
      seen.last = await fetch(input, { ...init, redirect: 'manual' })
      return seen.last
    },
  })
  return seen
}

/** The rows of an answer that is expected to be one. */
export async function rows(query) {
  const { data, error } = await query
  if (error) throw new Error(`${error.code}: ${error.message} (${error.details}; ${error.hint})`)
  return data
}

/** One column of the rows. */
export async function column(name, query) {
  return (await rows(query)).map((row) => row[name])
}

/** The error of an answer that is expected to be one, with its status. */
export async function refusal(query) {
  const { data, error, status } = await query
  if (!error) throw new Error(`expected an error, got ${status} ${JSON.stringify(data)}`)
  return { status, code: error.code, message: error.message, details: error.details, hint: error.hint }
}
