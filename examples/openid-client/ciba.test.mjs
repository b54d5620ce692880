// The openid-client package, which nobody wrote with Nod in mind, against the built `nod`.
// NOD_BIN names the binary; without it, the one that `cargo build` puts in place is taken.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as client from 'openid-client'
import { startProvider } from './nod.mjs'

const GRANT = 'urn:openid:params:grant-type:ciba'

describe('openid-client against nod', () => {
  let nod

  before(async () => {
    nod = await startProvider()
  })
  after(() => nod?.stop())

  /** The shop, ready to ask. */
  const shop = (authentication = client.ClientSecretBasic('shop-secret')) =>
    client.discovery(new URL(nod.issuer), 'shop', undefined, authentication, {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    })

  const askAlice = (config, more = {}) =>
    client.initiateBackchannelAuthentication(config, { scope: 'openid profile', login_hint: 'alice', ...more })

  /** Runs `body` while Alice's phone gives this answer. */
  async function withPhone(answer, body) {
    const phone = nod.phone(answer)
    try {
      return await body()
    } catch (error) {
      error.message += `\n--- ${phone.name}: ${phone.ended ?? 'running'}\n${phone.output}`
      throw error
    } finally {
      await phone.stop()
    }
  }

  test('discovery names what a CIBA client needs', async () => {
    const server = (await shop()).serverMetadata()
    assert.equal(server.issuer, nod.issuer)
    assert.ok(server.grant_types_supported.includes(GRANT))
    assert.ok(server.backchannel_token_delivery_modes_supported.includes('poll'))
    assert.equal(server.backchannel_authentication_endpoint, `${nod.issuer}/as/bc-auth.ciba`)
    assert.equal(server.token_endpoint, `${nod.issuer}/as/token.oauth2`)
  })

  test('a yes comes back as tokens, and UserInfo knows the person', () =>
    withPhone('approve', async () => {
      const config = await shop()
      const request = await askAlice(config, { binding_message: 'K7Q2' })
      assert.equal(typeof request.number_matching?.number, 'number')

      const tokens = await client.pollBackchannelAuthenticationGrant(config, request)
      assert.equal(tokens.token_type, 'bearer')
      const claims = tokens.claims()
      assert.equal(claims.iss, nod.issuer)
      assert.deepEqual([claims.aud].flat(), ['shop'])
      assert.match(claims.sub, /./)
      assert.match(claims.acr, /./)
      assert.ok(Array.isArray(claims.amr) && claims.amr.length > 0)

      const user = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
      assert.equal(user.sub, claims.sub)
    }))

  test('an auth_req_id is redeemed once, by whichever poll comes first', () =>
    withPhone('approve', async () => {
      const config = await shop()
      const request = await askAlice(config)

      const polls = await Promise.allSettled(
        Array.from({ length: 4 }, () => client.pollBackchannelAuthenticationGrant(config, request)),
      )
      assert.equal(polls.filter(({ status }) => status === 'fulfilled').length, 1)
      for (const { reason } of polls.filter(({ status }) => status === 'rejected')) {
        assert.equal(reason.error, 'invalid_grant', reason)
      }

      await assert.rejects(client.genericGrantRequest(config, GRANT, { auth_req_id: request.auth_req_id }), {
        error: 'invalid_grant',
        status: 400,
      })
    }))

  test('a no is access_denied', () =>
    withPhone('deny', async () => {
      const config = await shop()
      const request = await askAlice(config)
      await assert.rejects(client.pollBackchannelAuthenticationGrant(config, request), {
        error: 'access_denied',
        status: 400,
      })
    }))

  test('a wrong secret is invalid_client, an unknown person unknown_user_id', async () => {
    const wrong = await shop(client.ClientSecretBasic('not-the-secret'))
    await assert.rejects(askAlice(wrong), (error) => error.status === 401)
    await assert.rejects(askAlice(await shop(), { login_hint: 'nobody' }), { error: 'unknown_user_id', status: 400 })
  })

  test('a client with private_key_jwt gets its tokens too', () =>
    withPhone('approve', async () => {
      const { publicKey, privateKey } = await client.randomDPoPKeyPair('ES256', { extractable: true })
      const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }
      await nod.registerWithKey('bank', jwk)

      const config = await client.discovery(
        new URL(nod.issuer),
        'bank',
        undefined,
        client.PrivateKeyJwt({ key: privateKey, kid: 'key-1' }),
        { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
      )
      const tokens = await client.pollBackchannelAuthenticationGrant(config, await askAlice(config))
      assert.deepEqual([tokens.claims().aud].flat(), ['bank'])
    }))

  describe('the example', () => {
    const example = () =>
      new Promise((resolve) => {
        const env = { ...process.env, ISSUER: nod.issuer }
        const script = fileURLToPath(new URL('ciba.mjs', import.meta.url))
        execFile(process.execPath, [script], { env, timeout: 60_000 }, (error, stdout, stderr) =>
          resolve({ code: error?.code ?? 0, stdout, stderr }),
        )
      })

    test('ends with 0 after a yes', () =>
      withPhone('approve', async () => {
        const { code, stdout, stderr } = await example()
        assert.equal(code, 0, stdout + stderr)
        assert.match(stdout, /choose \d+ on the phone/)
        assert.match(stdout, /ID token verified/)
        assert.match(stdout, /^approved$/m)
      }))

    test('ends with 9 after a no', () =>
      withPhone('deny', async () => {
        const { code, stdout, stderr } = await example()
        assert.equal(code, 9, stdout + stderr)
        assert.match(stderr, /^denied$/m)
      }))
  })
})
