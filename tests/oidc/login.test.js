// An OpenID Connect provider as the registry has it: found by discovery, logged in at with code and PKCE, its keys rotated, and
// down. The steps share one provider and one service, and follow each other.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import * as childProcess from 'node:child_process'
import { ACCOUNTS, CLIENT, RESOURCE, newKey, start } from './provider.js'

const API = process.env.CLIENTS_URL
const PORT = Number(process.env.OIDC_PORT)
// Longer than the 30 s after which the service asks for a kid that it does not know, by a slow machine's measure.
const DEADLINE_MS = 120_000

const execFile = promisify(childProcess.execFile)
const base64url = (text) => Buffer.from(text).toString('base64url')

/** Fetches without following, and keeps cookies as a browser does. */
function browser() {
  const cookies = new Map()
  return async (url, options = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...options, redirect: 'manual', headers: { ...options.headers, cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }
}

/** An access token of the account, got as a single-page application gets one. */
async function login(issuer, account) {
  const discovered = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()
  assert.equal(discovered.issuer, issuer)
  const verifier = base64url(randomBytes(32))
  const state = base64url(randomBytes(16))
  const ask = new URL(discovered.authorization_endpoint)
  ask.search = new URLSearchParams({
    client_id: CLIENT.id,
    redirect_uri: CLIENT.redirectUri,
    response_type: 'code',
    scope: 'openid items',
    resource: RESOURCE,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })

  const visit = browser()
  let at = ask
  let response = await visit(at)
  for (let steps = 0; !at.href.startsWith(CLIENT.redirectUri); steps += 1) {
    assert.ok(steps < 20, `the login ends, and is at ${at}`)
    const form = response.status === 200 && /action="([^"]+)"/.exec(await response.text())
    if (form) {
      at = new URL(form[1], at)
      response = await visit(at, { method: 'POST', body: new URLSearchParams({ account }) })
    } else {
      assert.match(String(response.status), /^30[23]$/, `${at}`)
      at = new URL(response.headers.get('location'), at)
      if (!at.href.startsWith(CLIENT.redirectUri)) response = await visit(at)
    }
  }
  assert.equal(at.searchParams.get('state'), state)
  const code = at.searchParams.get('code')
  assert.ok(code, `${at}`)

  const granted = await fetch(discovered.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: CLIENT.redirectUri,
      client_id: CLIENT.id,
      code_verifier: verifier,
      resource: RESOURCE,
    }),
  })
  const body = await granted.json()
  assert.equal(granted.status, 200, JSON.stringify(body))
  return body.access_token
}

const header = (token) => JSON.parse(Buffer.from(token.split('.')[0], 'base64url'))

/** A token that names the issuer and a kid, and that nobody signed. */
function unsigned(issuer, kid) {
  const [head, claims] = [{ alg: 'ES256', typ: 'at+jwt', kid }, { iss: issuer }].map((part) => base64url(JSON.stringify(part)))
  return `${head}.${claims}.${base64url(randomBytes(64))}`
}

const items = (token) => fetch(`${API}/items`, { headers: { authorization: `Bearer ${token}` } })
const status = async (token) => (await items(token)).status

/** Asks until the answer has the status. */
async function until(token, wanted) {
  const started = Date.now()
  for (;;) {
    const found = await status(token)
    if (found === wanted) return
    assert.ok(Date.now() - started < DEADLINE_MS, `the status is ${found}, and never becomes ${wanted}`)
    await sleep(1_000)
  }
}

const issuer = `http://127.0.0.1:${PORT}`
const [first, second] = [newKey('first'), newKey('second')]
let provider
let leslie
test.after(() => provider?.stop())

test('j04: before the provider was ever up, a token of it is answered 503 with Retry-After', async () => {
  const response = await items(unsigned(issuer, 'first'))
  assert.equal(response.status, 503, await response.text())
  const retryAfter = Number(response.headers.get('retry-after'))
  assert.ok(retryAfter >= 1 && retryAfter <= 10, `${retryAfter}`)
})

test('a token of a login is accepted, for the tenant that it names', async () => {
  provider = await start(PORT, [first])
  leslie = await login(issuer, 'leslie.knope')
  assert.equal(header(leslie).typ, 'at+jwt')
  assert.equal(header(leslie).kid, 'first')
  // Within the ten seconds after the failure nobody asks the provider.
  await until(leslie, 200)

  const michael = await login(issuer, 'michael.scott')
  for (const [account, token] of [['leslie.knope', leslie], ['michael.scott', michael]]) {
    const rows = await (await items(token)).json()
    assert.ok(rows.length > 0)
    assert.ok(rows.every((row) => row.tenant_id === ACCOUNTS[account].tenant_id), account)
  }
})

test('j03: tokens of an unknown issuer cause no request to anybody, and get the answer of a bad signature', async () => {
  const asked = provider.keyRequests
  const [unknown, forged] = await Promise.all(
    [unsigned(`${issuer}/`, 'first'), unsigned(issuer, 'first')].map((token) => items(token)),
  )
  assert.deepEqual([unknown.status, forged.status], [401, 401])
  assert.equal(await unknown.text(), await forged.text())
  assert.equal(provider.keyRequests, asked)
})

test('j02: forty unknown kids cause at most three requests for keys', async () => {
  const asked = provider.keyRequests
  const statuses = await Promise.all(Array.from({ length: 40 }, (_, number) => status(unsigned(issuer, `unknown-${number}`))))
  assert.deepEqual([...new Set(statuses)], [401])
  assert.ok(provider.keyRequests - asked <= 3, `${provider.keyRequests - asked}`)
  assert.equal(await status(leslie), 200)
})

// A second provider, which no configuration knows.
test('an issuer that is proposed, bound, checked and enabled while the service runs is discovered, and its logins are good', async () => {
  const port = Number(process.env.OIDC_ROW_PORT)
  const iss = `http://127.0.0.1:${port}`
  const rowhouse = (...words) => execFile('scripts/dev', ['run', 'issuer', ...words])
  const other = await start(port, [newKey('row')])
  try {
    const token = await login(iss, 'leslie.knope')
    assert.equal(await status(token), 401)
    await rowhouse('add', iss, '--audience', 'rowhouse', '--algorithm', 'ES256')
    await rowhouse('bind', iss, '--tenant', 'pawnee-parks-and-rec')
    await assert.rejects(rowhouse('enable', iss), /rowhouse issuer check/)
    assert.equal(await status(token), 401)
    assert.match((await rowhouse('check', iss)).stdout, /key "row" ES256/)
    await rowhouse('enable', iss)
    await until(token, 200)
    const rows = await (await items(token)).json()
    assert.ok(rows.length > 0 && rows.every((row) => row.tenant_id === ACCOUNTS['leslie.knope'].tenant_id))
    // It is not bound to the tenant of the other account.
    assert.equal(await status(await login(iss, 'michael.scott')), 403)
    await rowhouse('disable', iss)
    await until(token, 401)
    assert.equal(await status(leslie), 200)
  } finally {
    await other.stop()
  }
})

test('j05: after a rotation the new key is accepted within the cool-down, and the removed one no more', async () => {
  provider.rotate([second])
  const renewed = await login(issuer, 'leslie.knope')
  assert.equal(header(renewed).kid, 'second')
  await until(renewed, 200)
  await until(leslie, 401)
  leslie = renewed
})

test('j04: while the provider is down, its known keys serve on and unknown ones are refused', async () => {
  // Not used before: that its signature is good is remembered nowhere.
  const unused = await login(issuer, 'michael.scott')
  await provider.stop()
  await assert.rejects(fetch(issuer))
  assert.equal(await status(unused), 200)
  assert.equal(await status(unsigned(issuer, 'unknown')), 401)
  assert.equal(await status(unsigned(issuer, 'second')), 401)
  assert.equal(await status(leslie), 200)
})
