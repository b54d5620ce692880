// FAPI 2.0 with the openid-client package, all at once: a client that the profile holds (`--security-profile
// fapi2-security`) proves itself with a key (private_key_jwt), pushes its requests (PAR), and has its tokens bound to
// another key (DPoP). NOD_BIN names the binary, as in ciba.test.mjs.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as client from 'openid-client'
import { Browser } from './browser.mjs'
import { startProvider } from './nod.mjs'

const [CALLBACK, HOME] = ['http://localhost:4711/callback', 'http://localhost:4711/']

describe('openid-client under fapi2-security', () => {
  let nod, config, DPoP

  before(async () => {
    nod = await startProvider()
    const { publicKey, privateKey } = await client.randomDPoPKeyPair('ES256', { extractable: true })
    const key = { key: privateKey, kid: 'bank-key' }
    const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: key.kid, use: 'sig', alg: 'ES256' }
    const grants = ['authorization_code', 'refresh_token'].flatMap((grant) => ['--grant', grant])
    const addresses = ['--redirect-uri', CALLBACK, '--post-logout-redirect-uri', HOME]
    await nod.registerWithKey('bank', jwk, ...grants, ...addresses, '--security-profile', 'fapi2-security')
    config = await client.discovery(new URL(nod.issuer), 'bank', undefined, client.PrivateKeyJwt(key), {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    })
    DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
  })
  after(() => nod?.stop())

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

  test('signs somebody in, reads UserInfo, refreshes and signs them out', async () => {
    const browser = new Browser(nod.issuer)
    const { parameters, checks } = await asked()
    const url = await client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP })
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri'])
    const callback = await browser.signIn(url.href, 'alice', 'alice')
    const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, { DPoP })
    assert.equal(tokens.token_type, 'dpop')
    const { sub } = tokens.claims()
    assert.equal((await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })).preferred_username, 'alice')

    // [FAPI 2.0 §5.3.2.1] the refresh token stays: it is bound to the client, which has proved itself.
    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
    assert.equal(fresh.token_type, 'dpop')
    const again = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
    assert.notEqual(again.access_token, fresh.access_token)
    await client.fetchUserInfo(config, again.access_token, sub, { DPoP })

    const out = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: HOME,
      state: 'bye',
    })
    assert.equal((await browser.open(out.href)).left.href, `${HOME}?state=bye`)
    const refresh = client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
    await assert.rejects(refresh, { error: 'invalid_grant', status: 400 })
    const silent = await asked({ prompt: 'none' })
    const gone = await client.buildAuthorizationUrlWithPAR(config, silent.parameters, { DPoP })
    const { left } = await browser.open(gone.href)
    const refused = client.authorizationCodeGrant(config, left, silent.checks, undefined, { DPoP })
    await assert.rejects(refused, { error: 'login_required' })
  })

  test('and does nothing of it otherwise', async () => {
    // Not pushed.
    const plain = await asked()
    const { left } = await new Browser(nod.issuer).open(client.buildAuthorizationUrl(config, plain.parameters).href)
    await assert.rejects(client.authorizationCodeGrant(config, left, plain.checks), { error: 'invalid_request' })

    // Without a verifier to come.
    const { parameters } = await asked({ code_challenge: undefined, code_challenge_method: undefined })
    const bare = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined))
    await assert.rejects(client.buildAuthorizationUrlWithPAR(config, bare, { DPoP }), { status: 400 })

    // Without the key: neither the code, nor what it was redeemed for.
    const browser = new Browser(nod.issuer)
    const one = await asked()
    const url = await client.buildAuthorizationUrlWithPAR(config, one.parameters, { DPoP })
    const callback = await browser.signIn(url.href, 'alice', 'alice')
    await assert.rejects(client.authorizationCodeGrant(config, callback, one.checks), { status: 400 })
    const two = await asked()
    const next = await client.buildAuthorizationUrlWithPAR(config, two.parameters, { DPoP })
    const back = await browser.signIn(next.href, 'alice', 'alice')
    const tokens = await client.authorizationCodeGrant(config, back, two.checks, undefined, { DPoP })
    const { sub } = tokens.claims()
    await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub), { status: 401 })
    const stranger = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub, { DPoP: stranger }), { status: 401 })
  })
})
