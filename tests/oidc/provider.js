// An OpenID Connect provider on this machine: accounts of two tenants, one public client, access tokens as JWTs (RFC 9068) for
// the resource of the service under test.
import { createServer } from 'node:http'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import Provider from 'oidc-provider'

export const RESOURCE = 'https://api.example.test'
export const CLIENT = { id: 'web', redirectUri: 'https://app.example.test/callback' }
export const ACCOUNTS = {
  'leslie.knope': { tenant_id: '7a245486-3fc8-47ec-b303-04fefe7a58ff', role: 'owner' },
  'michael.scott': { tenant_id: '162be16f-4c1d-4b0e-9a53-6f7d20c8e915', role: 'owner' },
}

/** A new private key for ES256, as a JWK. */
export function newKey(kid) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' }
}

/** Whoever logs in says who they are: how accounts are proven is not what is tried here. */
async function interact(provider, request, response) {
  const { prompt, params, session, uid } = await provider.interactionDetails(request, response)
  if (request.method === 'GET') {
    response.end(`<form method="post" action="/interaction/${uid}"><input name="account"><button>${prompt.name}</button></form>`)
    return
  }
  let body = ''
  for await (const chunk of request) body += chunk
  if (prompt.name === 'login') {
    const accountId = new URLSearchParams(body).get('account')
    await provider.interactionFinished(request, response, { login: { accountId } })
    return
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id })
  grant.addOIDCScope('openid')
  grant.addResourceScope(RESOURCE, 'items')
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
}

function configured(issuer, keys) {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: CLIENT.id,
      redirect_uris: [CLIENT.redirectUri],
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'ES256',
    }],
    cookies: { keys: ['cookies of the tests'] },
    findAccount: (_, accountId) => ACCOUNTS[accountId] && { accountId, claims: () => ({ sub: accountId }) },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    extraTokenClaims: (_, token) => ACCOUNTS[token.accountId],
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'items',
          audience: 'rowhouse',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 900,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  })
  provider.on('server_error', (_, error) => console.error(error))
  return provider
}

/** The provider at `http://127.0.0.1:port`, and how often its keys were asked for. */
export async function start(port, keys) {
  const issuer = `http://127.0.0.1:${port}`
  let provider = configured(issuer, keys)
  const running = { issuer, keyRequests: 0 }

  const server = createServer((request, response) => {
    if (request.url === '/jwks') running.keyRequests += 1
    const answer = request.url.startsWith('/interaction/')
      ? interact(provider, request, response)
      : provider.callback()(request, response)
    Promise.resolve(answer).catch((error) => response.destroy(error))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  /** Signs with the first of these keys from now on, and publishes them all. */
  running.rotate = (newKeys) => {
    provider = configured(issuer, newKeys)
  }
  running.stop = async () => {
    server.close()
    server.closeAllConnections()
    if (server.listening) await once(server, 'close')
  }
  return running
}
