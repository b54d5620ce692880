// The authorization code flow of the openid-client package against the built `nod`: on the pages, as a browser
// meets them, and without a browser. NOD_BIN names the binary, as in ciba.test.mjs.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as client from 'openid-client'
import { Browser } from './browser.mjs'
import { startProvider } from './nod.mjs'

const CALLBACK = 'http://localhost:4711/callback'

describe('openid-client signs people in', () => {
  let nod

  before(async () => {
    nod = await startProvider()
  })
  after(() => nod?.stop())

  const discovered = (id, authentication) =>
    client.discovery(new URL(nod.issuer), id, undefined, authentication, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    })
  const shop = () => discovered('shop', client.ClientSecretBasic('shop-secret'))
  const spa = () => discovered('spa', client.None())

  /** A request, and what its answer will be checked with. */
  async function request(config, more = {}) {
    const { parameters, checks } = await asked(more)
    return { url: client.buildAuthorizationUrl(config, parameters), checks }
  }

  async function asked(more = {}) {
    const [verifier, nonce, state] = [client.randomPKCECodeVerifier(), client.randomNonce(), client.randomState()]
    const parameters = {
      redirect_uri: CALLBACK,
      scope: 'openid profile email',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      nonce,
      state,
      ...more,
    }
    const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true }
    return { parameters, checks }
  }

  test('on our pages: a code, tokens, UserInfo, a refresh; and out again', async () => {
    const config = await shop()
    const browser = new Browser(nod.issuer)
    const { url, checks } = await request(config)
    const callback = await browser.signIn(url.href, 'alice', 'alice')
    const tokens = await client.authorizationCodeGrant(config, callback, checks)
    const claims = tokens.claims()
    assert.match(claims.sid, /./)
    const user = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    assert.equal(user.preferred_username, 'alice')
    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token)
    assert.equal(fresh.claims().sub, claims.sub)
    assert.equal(fresh.claims().auth_time, claims.auth_time)

    // Redeemed once.
    await assert.rejects(client.authorizationCodeGrant(config, callback, checks), { error: 'invalid_grant', status: 400 })

    const again = await request(config, { prompt: 'none' })
    const silently = await client.authorizationCodeGrant(config, (await browser.open(again.url.href)).left, again.checks)
    const home = 'http://localhost:4711/'
    const out = client.buildEndSessionUrl(config, {
      id_token_hint: silently.id_token,
      post_logout_redirect_uri: home,
      state: 'bye',
    })
    assert.equal((await browser.open(out.href)).left.href, `${home}?state=bye`)
    const gone = await request(config, { prompt: 'none' })
    const { left } = await browser.open(gone.url.href)
    await assert.rejects(client.authorizationCodeGrant(config, left, gone.checks), { error: 'login_required' })
    await assert.rejects(client.refreshTokenGrant(config, silently.refresh_token), { error: 'invalid_grant' })
  })

  test('a pushed request: the browser brings nothing but its name', async () => {
    const config = await shop()
    assert.ok(config.serverMetadata().pushed_authorization_request_endpoint)
    const { parameters, checks } = await asked()
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters)
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri'])
    const browser = new Browser(nod.issuer)
    const callback = await browser.signIn(url.href, 'alice', 'alice')
    const tokens = await client.authorizationCodeGrant(config, callback, checks)
    assert.match(tokens.claims().sub, /./)
    // Once.
    assert.equal((await browser.open(url.href)).status, 400)
    await assert.rejects(client.buildAuthorizationUrlWithPAR(config, { ...parameters, scope: 'openid nonsense' }), {
      error: 'invalid_scope',
      status: 400,
    })
  })

  test('a client with a key: signed requests, pushed or not, and signed answers', async () => {
    const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    const key = { key: privateKey, kid: 'signer-key' }
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: key.kid, use: 'sig', alg: 'ES256' }
    await nod.registerWithKey('signer', jwk, '--redirect-uri', CALLBACK, '--require-signed-requests')
    const config = await discovered('signer', client.PrivateKeyJwt(key))
    const browser = new Browser(nod.issuer)

    const plain = await request(config)
    const refused = (await browser.open(plain.url.href)).left
    await assert.rejects(client.authorizationCodeGrant(config, refused, plain.checks), { error: 'invalid_request' })

    const { parameters, checks } = await asked()
    const signed = await client.buildAuthorizationUrlWithJAR(config, parameters, key)
    assert.deepEqual([...signed.searchParams.keys()].sort(), ['client_id', 'request'])
    const callback = await browser.signIn(signed.href, 'alice', 'alice')
    assert.match((await client.authorizationCodeGrant(config, callback, checks)).claims().sub, /./)

    client.useJwtResponseMode(config)
    const next = await asked({ response_mode: 'jwt' })
    const object = await client.buildAuthorizationUrlWithJAR(config, next.parameters, key)
    const pushed = await client.buildAuthorizationUrlWithPAR(config, object.searchParams)
    const answer = await browser.signIn(pushed.href, 'alice', 'alice')
    assert.deepEqual([...answer.searchParams.keys()], ['response'])
    assert.match((await client.authorizationCodeGrant(config, answer, next.checks)).claims().sub, /./)
  })

  test('a public client without a browser: the flow API', async () => {
    const config = await spa()
    const app = new Browser(nod.issuer)
    const { url, checks } = await request(config, { response_mode: 'pi.flow' })
    let flow = await (await app.fetch(url.href)).json()
    const act = async (action, body) => {
      const response = await app.fetch(`${nod.issuer}/pf-ws/authn/flows/${flow.id}`, {
        method: 'POST',
        headers: { 'content-type': `application/vnd.pingidentity.${action}+json`, 'x-xsrf-header': 'example' },
        body: JSON.stringify(body),
      })
      return { status: response.status, ...(await response.json()) }
    }
    assert.equal(flow.status, 'USERNAME_PASSWORD_REQUIRED')
    const wrong = await act('checkUsernamePassword', { username: 'mallory', password: 'alice' })
    assert.equal(wrong.code, 'VALIDATION_ERROR')
    flow = await act('checkUsernamePassword', { username: 'alice', password: 'alice' })
    if (flow.status === 'CONSENT_REQUIRED') flow = await act('grantConsent', {})
    assert.equal(flow.status, 'COMPLETED')

    const callback = new URL(CALLBACK)
    for (const [name, value] of Object.entries(flow.authorizeResponse)) callback.searchParams.set(name, value)
    const tokens = await client.authorizationCodeGrant(config, callback, checks)
    const user = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
    assert.equal(user.preferred_username, 'alice')
  })

  test('without the verifier a public client gets nothing', async () => {
    const config = await spa()
    const { url, checks } = await request(config)
    const callback = await new Browser(nod.issuer).signIn(url.href, 'bob', 'bob')
    const other = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }
    await assert.rejects(client.authorizationCodeGrant(config, callback, other), { error: 'invalid_grant', status: 400 })
  })

  test('a person who cancels is access_denied', async () => {
    const config = await shop()
    const { url, checks } = await request(config)
    const browser = new Browser(nod.issuer)
    const { left } = await browser.press(await browser.open(url.href), 'cancel')
    await assert.rejects(client.authorizationCodeGrant(config, left, checks), { error: 'access_denied' })
  })

  for (const environment of [{ CLIENT_ID: 'shop', CLIENT_SECRET: 'shop-secret' }, { CLIENT_ID: 'spa' }]) {
    test(`the example signs in and out as ${environment.CLIENT_ID}`, async () => {
      const script = fileURLToPath(new URL('code.mjs', import.meta.url))
      const env = { ...process.env, ISSUER: nod.issuer, ...environment }
      const example = spawn(process.execPath, [script], { env, timeout: 60_000, stdio: ['ignore', 'pipe', 'pipe'] })
      const browser = new Browser(nod.issuer)
      let output = ''
      example.stderr.setEncoding('utf8').on('data', (text) => (output += text))
      for await (const line of createInterface({ input: example.stdout })) {
        output += `${line}\n`
        const [, step, url] = line.match(/^sign (in|out): (.*)$/) ?? []
        if (step === 'in') await fetch(await browser.signIn(url, 'alice', 'alice'))
        if (step === 'out') await fetch((await browser.open(url)).left)
      }
      assert.match(output, /ID token verified/)
      assert.match(output, /"preferred_username":"alice"/)
      assert.match(output, /^signed out$/m)
    })
  }
})
