// What somebody meets who opens /docs: 401 without a token, the tenant's rows with one, and nothing from elsewhere.
import { test, before, after, beforeEach, afterEach } from 'node:test'
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const url = process.env.CLIENTS_URL
const tokens = { leslie: process.env.CLIENTS_TOKEN_LESLIE, michael: process.env.CLIENTS_TOKEN_MICHAEL }
const WAIT_MS = 20_000

let browser
let page
// What the browser complains of, and where it sends requests.
let complaints
let requests

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    // Chromium does not sandbox where root runs it.
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  })
})

after(() => browser?.close())

beforeEach(async () => {
  page = await browser.newPage({ viewport: { width: 1280, height: 1000 } })
  page.setDefaultTimeout(WAIT_MS)
  complaints = []
  requests = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => requests.push(request.url()))
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy violated: ${event.violatedDirective} by ${event.blockedURI}`)
    })
  })
  await page.goto(`${url}/docs`)
  await page.locator('.opblock').first().waitFor()
})

afterEach(async () => {
  for (const request of requests) {
    assert.ok(request.startsWith(`${url}/`) || request.startsWith('data:'), `asked ${request}`)
  }
  await page.close()
})

/** The operation of a method on a path, opened. */
async function open(method, path) {
  const operation = page.locator(`.opblock-${method}`).filter({ has: page.locator(`[data-path="${path}"]`) })
  await operation.locator('.opblock-summary-control').click()
  return operation
}

/** Sends the request of an operation that was just opened, and gives the status and the body of its answer. */
async function tryOut(operation, parameters = {}) {
  await operation.locator('.try-out__btn').click()
  for (const [name, value] of Object.entries(parameters)) {
    await operation.locator(`tr[data-param-name="${name}"] input`).fill(value)
  }
  await operation.getByRole('button', { name: 'Execute' }).click()
  const answer = operation.locator('.live-responses-table')
  await answer.waitFor()
  const status = await answer.locator('tbody .response-col_status').first().innerText()
  return { status: status.trim().slice(0, 3), body: await answer.locator('tbody .highlight-code pre').first().innerText() }
}

async function authorize(token) {
  await page.locator('.scheme-container .authorize').click()
  const dialog = page.locator('.dialog-ux')
  await dialog.locator('input').fill(token)
  await dialog.getByRole('button', { name: 'Apply credentials' }).click()
  await dialog.locator('.btn-done').click()
}

const screenshot = (name) => page.screenshot({ path: `${process.env.SCREENSHOTS}/${name}.png` })

test('without a token nothing of the schema is shown, and a request gets 401', async () => {
  assert.doesNotMatch(await page.content(), /items/)
  await screenshot('1-without-a-token')
  const answer = await tryOut(await open('get', '/openapi.json'))
  assert.equal(answer.status, '401')
  assert.match(answer.body, /PGRST302/)
  await screenshot('2-refused')
  // The browser itself reports the answer that was asked for.
  assert.deepEqual(complaints.filter((text) => !/status of 401/.test(text)), [])
})

test('after Authorize the rows of the tenant are shown, and not those of the other', async () => {
  await authorize(tokens.leslie)
  await page.locator('[data-path="/items"]').first().waitFor()
  await screenshot('3-authorized')
  const leslies = await tryOut(await open('get', '/items'), { select: 'title', order: 'title' })
  assert.equal(leslies.status, '200')
  await screenshot('4-rows')

  await page.reload()
  await page.locator('.opblock').first().waitFor()
  // The token went with the page.
  assert.equal(await page.locator('[data-path="/items"]').count(), 0)
  await authorize(tokens.michael)
  await page.locator('[data-path="/items"]').first().waitFor()
  const michaels = await tryOut(await open('get', '/items'), { select: 'title', order: 'title' })
  const titles = (text) => JSON.parse(text).map((row) => row.title)
  const [pawnee, dunderMifflin] = [titles(leslies.body), titles(michaels.body)]
  assert.ok(pawnee.length > 0 && dunderMifflin.length > 0)
  assert.deepEqual(pawnee.filter((title) => dunderMifflin.includes(title)), [])
  assert.deepEqual(complaints, [])
})

test('a token that is refused is said so, and Logout forgets a good one', async () => {
  await authorize('Bearer no.such.token')
  await page.locator('#state.fault').waitFor()
  assert.match(await page.locator('#state').innerText(), /401 PGRST301/)
  await screenshot('5-token-refused')
  assert.deepEqual(complaints.filter((text) => !/status of 401/.test(text)), [])

  await page.locator('.scheme-container .authorize').click()
  await page.locator('.dialog-ux').getByRole('button', { name: 'Remove authorization' }).click()
  await page.locator('.dialog-ux input').fill(`Bearer ${tokens.leslie}`)
  await page.locator('.dialog-ux').getByRole('button', { name: 'Apply credentials' }).click()
  await page.locator('.dialog-ux .btn-done').click()
  await page.locator('[data-path="/items"]').first().waitFor()
  assert.equal(await page.locator('#state').innerText(), '')

  await page.locator('.scheme-container .authorize').click()
  await page.locator('.dialog-ux').getByRole('button', { name: 'Remove authorization' }).click()
  await page.locator('.dialog-ux .btn-done').click()
  await page.locator('[data-path="/items"]').first().waitFor({ state: 'detached' })
  const answer = await tryOut(await open('get', '/openapi.json'))
  assert.equal(answer.status, '401')
})
