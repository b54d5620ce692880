// The device grant with the openid-client package: a device shows a code, somebody types it elsewhere.
// NOD_BIN names the binary, as in ciba.test.mjs.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import * as client from 'openid-client'
import { Browser } from './browser.mjs'
import { startProvider } from './nod.mjs'

describe('openid-client connects a device', () => {
  let nod

  before(async () => {
    nod = await startProvider()
    await nod.register('tv', '--public', '--grant', 'device_code', '--grant', 'refresh_token', '--name', 'Telly')
  })
  after(() => nod?.stop())

  const discovered = () =>
    client.discovery(new URL(nod.issuer), 'tv', undefined, client.None(), {
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    })

  /** What a person does with the code. */
  async function connect(shown, button) {
    const browser = new Browser(nod.issuer)
    const entered = await browser.press(await browser.open(shown.verification_uri), 'continue', {
      user_code: shown.user_code.toLowerCase(),
    })
    assert.ok(entered.page.includes('Telly') && entered.page.includes(shown.user_code))
    let at = await browser.press(entered, button)
    if (at.page.includes('name="password"')) {
      at = await browser.press(at, 'sign_in', { username: 'alice', password: 'alice' })
    }
    if (at.page.includes('value="allow"')) at = await browser.press(at, 'allow')
    return at.page
  }

  test('somebody connects it, and it gets tokens that are bound to its key', async () => {
    const config = await discovered()
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
    const shown = await client.initiateDeviceAuthorization(config, { scope: 'openid profile' })
    assert.match(shown.user_code, /^[B-Z]{4}-[B-Z]{4}$/)
    const polled = client.pollDeviceAuthorizationGrant(config, shown, undefined, { DPoP })
    assert.ok((await connect(shown, 'connect')).includes('Your device is connected'))
    const tokens = await polled
    const user = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP })
    assert.equal(user.preferred_username, 'alice')
    await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  })

  test('somebody says no', async () => {
    const config = await discovered()
    const shown = await client.initiateDeviceAuthorization(config, { scope: 'openid' })
    const polled = client.pollDeviceAuthorizationGrant(config, shown)
    assert.ok((await connect(shown, 'cancel')).includes('The device was not connected'))
    await assert.rejects(polled, { error: 'access_denied', status: 400 })
  })
})
