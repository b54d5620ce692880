// Asks a person for a yes (CIBA, poll mode) and prints each step.
//
//   ISSUER=http://localhost:8080 CLIENT_ID=shop CLIENT_SECRET=shop-secret LOGIN_HINT=alice node ciba.mjs
//
// Exit codes: 0 approved, 8 too late, 9 denied, 1 anything else.

import process from 'node:process'
import * as client from 'openid-client'

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080')
const clientId = process.env.CLIENT_ID ?? 'shop'
const clientSecret = process.env.CLIENT_SECRET ?? 'shop-secret'
const loginHint = process.env.LOGIN_HINT ?? 'alice'

let step = 0

/** `fetch`, telling what went over the wire. Bodies hold secrets and stay out. */
async function tracedFetch(url, options) {
  const start = performance.now()
  const response = await fetch(url, options)
  const ms = Math.round(performance.now() - start)
  const { error } = response.ok ? {} : await response.clone().json().catch(() => ({}))
  console.log(`${++step}  ${response.status}  ${options.method} ${new URL(url).pathname}  ${ms} ms  ${error ?? ''}`.trimEnd())
  return response
}

/** Plain http is for a provider on this very machine only. */
function isLoopback({ hostname }) {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

async function main() {
  const config = await client.discovery(issuer, clientId, clientSecret, client.ClientSecretBasic(clientSecret), {
    [client.customFetch]: tracedFetch,
    execute: [
      // By default the library trusts TLS in place of the ID token's signature. We want both.
      client.enableNonRepudiationChecks,
      ...(issuer.protocol === 'http:' && isLoopback(issuer) ? [client.allowInsecureRequests] : []),
    ],
  })

  const request = await client.initiateBackchannelAuthentication(config, {
    scope: 'openid profile',
    login_hint: loginHint,
    binding_message: 'K7Q2',
  })
  console.log(`   ${loginHint} has ${request.expires_in} s to answer`)

  // Nod's number matching: the shop shows a number, and the person picks it on the phone.
  const number = request.number_matching?.number
  if (number !== undefined) console.log(`   choose ${number} on the phone`)

  // Waits as the provider asks, slows down when told to, gives up when the request expires.
  const tokens = await client.pollBackchannelAuthenticationGrant(config, request)
  const { sub, acr, amr = [] } = tokens.claims()
  console.log(`   ID token verified: sub ${sub}  acr ${acr}  amr ${amr.join(',')}`)

  const user = await client.fetchUserInfo(config, tokens.access_token, sub)
  console.log(`   UserInfo: ${JSON.stringify(user)}`)
  console.log('approved')
}

/** The exit code for what went wrong. */
function verdict(error) {
  if (error instanceof client.ResponseBodyError) {
    if (error.error === 'access_denied') return { code: 9, text: 'denied' }
    if (error.error === 'expired_token') return { code: 8, text: 'too late: the request expired' }
    return { code: 1, text: `${error.error}: ${error.error_description ?? 'no description'}` }
  }
  // The library stops polling by itself at the end of `expires_in`.
  if (error.code === 'OAUTH_TIMEOUT') return { code: 8, text: 'too late: nobody answered in time' }
  return { code: 1, text: `${error.message}${error.cause ? ` (${error.cause.message ?? error.cause})` : ''}` }
}

try {
  await main()
} catch (error) {
  const { code, text } = verdict(error)
  console.error(text)
  process.exitCode = code
}
