// Signs a person in (authorization code with PKCE) and out again, and prints each step.
//
//   ISSUER=http://localhost:8080 CLIENT_ID=shop CLIENT_SECRET=shop-secret node code.mjs
//
// Without CLIENT_SECRET it is a public client, such as `spa` of dev mode. Open the address that it prints.
// Exit codes: 0 signed in and out, 9 the person did not want to, 1 anything else.

import { once } from 'node:events'
import { createServer } from 'node:http'
import process from 'node:process'
import * as client from 'openid-client'

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080')
const clientId = process.env.CLIENT_ID ?? 'spa'
const clientSecret = process.env.CLIENT_SECRET
const port = Number(process.env.PORT ?? 0)

/** Plain http is for a provider on this very machine only. */
function isLoopback({ hostname }) {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

/** The address at which the next browser arrives; it is shown `text`. */
async function arrival(server, text) {
  for (;;) {
    const [request, response] = await once(server, 'request')
    const url = new URL(request.url, `http://localhost:${server.address().port}`)
    const expected = url.pathname === '/callback' || url.pathname === '/'
    // Browsers ask for an icon as well.
    response.writeHead(expected ? 200 : 404, { 'content-type': 'text/plain', connection: 'close' })
    response.end(expected ? text : 'not here')
    if (expected) return url
  }
}

async function main(server) {
  const authentication = clientSecret === undefined ? client.None() : client.ClientSecretBasic(clientSecret)
  const config = await client.discovery(issuer, clientId, clientSecret, authentication, {
    execute: [
      client.enableNonRepudiationChecks,
      ...(issuer.protocol === 'http:' && isLoopback(issuer) ? [client.allowInsecureRequests] : []),
    ],
  })
  const home = `http://localhost:${server.address().port}/`

  // One of each for every sign-in, kept where the browser cannot change them.
  const [verifier, nonce, state] = [client.randomPKCECodeVerifier(), client.randomNonce(), client.randomState()]
  const signIn = client.buildAuthorizationUrl(config, {
    redirect_uri: `${home}callback`,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    nonce,
    state,
  })
  console.log(`sign in: ${signIn.href}`)
  const callback = await arrival(server, 'You are signed in. The terminal goes on.')

  const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true }
  const tokens = await client.authorizationCodeGrant(config, callback, checks)
  const { sub, acr, sid } = tokens.claims()
  console.log(`   ID token verified: sub ${sub}  acr ${acr}  sid ${sid}`)
  const user = await client.fetchUserInfo(config, tokens.access_token, sub)
  console.log(`   UserInfo: ${JSON.stringify(user)}`)

  const signOut = client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: home,
    state: 'bye',
  })
  console.log(`sign out: ${signOut.href}`)
  const back = await arrival(server, 'You are signed out.')
  if (back.searchParams.get('state') !== 'bye') throw new Error('signed out by somebody else')
  console.log('signed out')
}

const server = createServer().listen(port, 'localhost')
try {
  await once(server, 'listening')
  await main(server)
} catch (error) {
  const denied = error.error === 'access_denied'
  console.error(denied ? 'denied' : `${error.message}${error.cause ? ` (${error.cause.message ?? error.cause})` : ''}`)
  process.exitCode = denied ? 9 : 1
} finally {
  server.close()
  server.closeAllConnections()
}
