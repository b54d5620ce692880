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
    const [verifier, nonce, state] = [client.randomPKCECodeVerifier(), client.randomNonce(), client.randomState()]
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: 'openid profile email',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      nonce,
      state,
      ...more,
    })
    const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true }
    return { url, checks }
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
