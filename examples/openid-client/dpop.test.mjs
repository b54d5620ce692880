// DPoP with the openid-client package: tokens that are bound to a key, with the nonces that Nod asks for.
// NOD_BIN names the binary, as in ciba.test.mjs.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as client from 'openid-client'
import { Browser } from './browser.mjs'
import { startProvider } from './nod.mjs'

const CALLBACK = 'http://localhost:4711/callback'

describe('openid-client binds tokens to a key', () => {
  let nod

  before(async () => {
    nod = await startProvider()
  })
  after(() => nod?.stop())

  async function signIn(id, authentication) {
    const config = await client.discovery(new URL(nod.issuer), id, undefined, authentication, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    })
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
    const [verifier, state] = [client.randomPKCECodeVerifier(), client.randomState()]
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: 'openid profile email',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      dpop_jkt: await DPoP.calculateThumbprint(),
      state,
    })
    const callback = await new Browser(nod.issuer).signIn(url.href, 'alice', 'alice')
    const checks = { pkceCodeVerifier: verifier, expectedState: state, idTokenExpected: true }
    return { config, DPoP, callback, checks }
  }

  for (const [id, authentication] of [
    ['shop', client.ClientSecretBasic('shop-secret')],
    ['spa', client.None()],
  ]) {
    test(`${id} signs in, reads UserInfo and refreshes with one key`, async () => {
      const { config, DPoP, callback, checks } = await signIn(id, authentication)
      const tokens = await client.authorizationCodeGrant(config, callback, checks, undefined, { DPoP })
      assert.equal(tokens.token_type, 'dpop')
      const sub = tokens.claims().sub
      const user = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP })
      assert.equal(user.preferred_username, 'alice')
      const fresh = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
      assert.equal(fresh.token_type, 'dpop')
      await client.fetchUserInfo(config, fresh.access_token, sub, { DPoP })

      // Whoever has the tokens and not the key has nothing.
      await assert.rejects(client.fetchUserInfo(config, fresh.access_token, sub), { status: 401 })
      const stranger = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
      await assert.rejects(client.fetchUserInfo(config, fresh.access_token, sub, { DPoP: stranger }), { status: 401 })
      if (id === 'spa') {
        const refresh = client.refreshTokenGrant(config, fresh.refresh_token, undefined, { DPoP: stranger })
        await assert.rejects(refresh, { error: 'invalid_grant', status: 400 })
      }
    })
  }

  test('a code is for the key that its request named', async () => {
    const { config, callback, checks } = await signIn('spa', client.None())
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
    const redeem = client.authorizationCodeGrant(config, callback, checks, undefined, { DPoP })
    await assert.rejects(redeem, { error: 'invalid_grant', status: 400 })
  })
})
