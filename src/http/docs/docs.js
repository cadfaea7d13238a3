// The page at /docs: Swagger UI over a document that needs a token.
//
// It begins with a document of one operation. Authorize fetches the real one with the token that was given; Logout goes
// back. The token is in Swagger UI's memory only and is gone with the page.
'use strict'

// The folder of this page, where the API is, too: `/`, or what a proxy puts before it.
const base = new URL('.', window.location.href)
const server = base.pathname.replace(/\/$/, '')
const servers = [{ url: server || '/' }]

const beginning = {
  openapi: '3.1.1',
  info: {
    title: 'API',
    version: '',
    description: 'What is served is shown to those with a token: press **Authorize** and give one.',
  },
  servers,
  security: [{ bearer: [] }],
  paths: {
    '/openapi.json': {
      get: {
        tags: ['This document'],
        summary: 'What is served, as far as the role that asks may use it',
        responses: { 200: { description: 'The document.' }, 401: { description: 'No token, or not a valid one.' } },
      },
    },
  },
  components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
}

function say(text, isFault) {
  const state = document.getElementById('state')
  state.textContent = text
  state.className = isFault ? 'fault' : ''
}

// Only the newest answer counts, however long an older one takes.
let newest = 0

function show(system, description) {
  system.specActions.updateSpec(JSON.stringify(description))
}

async function load(system, token) {
  const turn = ++newest
  say('Loading…', false)
  try {
    const response = await fetch(new URL('openapi.json', base), { headers: { Authorization: `Bearer ${token}` } })
    const body = await response.json()
    if (turn !== newest) return
    if (response.ok) {
      show(system, { servers, ...body })
      say('', false)
    } else {
      show(system, beginning)
      say(`The document was refused: ${response.status} ${body.code}, ${body.message}.`, true)
    }
  } catch (error) {
    if (turn === newest) say(`The document could not be loaded: ${error.message}`, true)
  }
}

const authorization = () => ({
  statePlugins: {
    auth: {
      wrapActions: {
        authorize: (original, system) => (payload) => {
          // People paste the whole header.
          if (payload.bearer) payload.bearer.value = String(payload.bearer.value ?? '').replace(/^\s*bearer\s+/i, '').trim()
          const result = original(payload)
          if (payload.bearer) load(system, payload.bearer.value)
          return result
        },
        logout: (original, system) => (payload) => {
          const result = original(payload)
          newest += 1
          show(system, beginning)
          say('', false)
          return result
        },
      },
    },
  },
})

window.ui = SwaggerUIBundle({
  dom_id: '#swagger-ui',
  spec: beginning,
  plugins: [authorization],
  validatorUrl: null,
  docExpansion: 'list',
  defaultModelsExpandDepth: -1,
  persistAuthorization: false,
})
