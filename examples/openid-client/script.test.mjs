// The example's own decisions, against a provider of sixty lines that can also do what Nod never does:
// expire at once, or sign with the wrong key.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import process from 'node:process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A provider whose token endpoint gives these answers, one a poll: an error code or 'tokens'. */
async function provider(answers, { forge = false } = {}) {
  const published = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const used = forge ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : published
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://localhost:${server.address().port}`

  const idToken = () => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: issuer, aud: 'shop', sub: 'a1', iat: now, exp: now + 60, acr: 'one', amr: ['pop'] }
    const input = `${encode({ alg: 'ES256', kid: 'k1' })}.${encode(claims)}`
    const signature = sign('sha256', Buffer.from(input), { key: used.privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }
  const token = () => {
    const answer = answers.shift()
    return answer === 'tokens'
      ? [200, { access_token: 'at', token_type: 'Bearer', expires_in: 60, id_token: idToken() }]
      : [400, { error: answer }]
  }
  const routes = {
    '/.well-known/openid-configuration': () => [200, {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      backchannel_authentication_endpoint: `${issuer}/ask`,
      id_token_signing_alg_values_supported: ['ES256'],
    }],
    '/jwks': () => [200, { keys: [{ ...published.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] }],
    '/ask': () => [200, {
      auth_req_id: 'r1', expires_in: 9, interval: 0.05, number_matching: { type: 'SELECT_NUMBER', number: 47 },
    }],
    '/token': token,
    '/userinfo': () => [200, { sub: 'a1', name: 'Alice' }],
  }
  server.on('request', (request, response) => {
    const [status, body] = routes[request.url]()
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  return { issuer, stop: () => server.close() }
}

const example = (issuer) =>
  new Promise((resolve) => {
    const script = fileURLToPath(new URL('ciba.mjs', import.meta.url))
    const env = { ...process.env, ISSUER: issuer }
    execFile(process.execPath, [script], { env, timeout: 20_000 }, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    )
  })

const cases = [
  { name: 'a yes', answers: ['authorization_pending', 'tokens'], code: 0, says: /choose 47 on the phone[^]*approved/ },
  { name: 'a no', answers: ['access_denied'], code: 9, says: /denied/ },
  { name: 'an expired request', answers: ['authorization_pending', 'expired_token'], code: 8, says: /too late/ },
  { name: 'another error', answers: ['invalid_grant'], code: 1, says: /invalid_grant/ },
  { name: 'a forged ID token', answers: ['tokens'], forge: true, code: 1, says: /signature/ },
]

for (const { name, answers, forge, code, says } of cases) {
  test(`${name} ends with ${code}`, async () => {
    const { issuer, stop } = await provider(answers, { forge })
    try {
      const run = await example(issuer)
      assert.equal(run.code, code, run.stdout + run.stderr)
      assert.match(run.stdout + run.stderr, says)
    } finally {
      stop()
    }
  })
}
