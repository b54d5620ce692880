// The story of ../README.md, lived with openapi-fetch on the types that openapi-typescript makes.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import createClient, { type Client } from 'openapi-fetch'
import type { components, paths } from './generated/nod.js'

type Schemas = components['schemas']
type Nod = Client<paths>

const LIMIT_MS = 30_000

function environment(name: string): string {
  const value = process.env[name]
  assert(value, `${name} is not set`)
  return value
}

const ISSUER = environment('NOD_ISSUER')

function nod(authorization: string): Nod {
  return createClient<paths>({ baseUrl: ISSUER, headers: { authorization } })
}

const bearer = (token: string) => nod(`Bearer ${token}`)
const basic = (id: string, secret: string) => nod(`Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`)

/** The OAuth endpoints take forms. */
const form = {
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  bodySerializer: (body: Record<string, string>) => new URLSearchParams(body).toString(),
}

function token(client: Nod, body: Schemas['TokenRequest']) {
  return client.POST('/as/token.oauth2', { body, ...form })
}

async function administrator(): Promise<Nod> {
  const bootstrap = bearer((await readFile(environment('NOD_BOOTSTRAP'), 'utf8')).trim())
  const first = await bootstrap.POST('/admin/v1/bootstrap', { body: { client_name: 'TypeScript' } })
  assert(first.data?.client_secret)

  const credentials = basic(first.data.client.client_id, first.data.client_secret)
  const answer = await token(credentials, { grant_type: 'client_credentials', scope: 'nod:admin' })
  assert(answer.data)
  console.log('1-2  the first administrator has a token')
  return bearer(answer.data.access_token)
}

async function kiosk(admin: Nod): Promise<Nod> {
  const made = await admin.POST('/admin/v1/clients', { body: { client_id: 'kiosk', client_name: 'Kiosk' } })
  assert(made.data?.client_secret)

  const path = { client_id: 'kiosk' }
  const read = await admin.GET('/admin/v1/clients/{client_id}', { params: { path } })
  assert.equal(read.data?.client_name, 'Kiosk')
  const etag = read.response.headers.get('etag')
  assert(etag)

  const change = { params: { path, header: { 'If-Match': etag } }, body: { client_name: 'Kiosk at the door' } }
  const updated = await admin.PATCH('/admin/v1/clients/{client_id}', change)
  assert.equal(updated.data?.client_name, 'Kiosk at the door')

  const stale = await admin.PATCH('/admin/v1/clients/{client_id}', change)
  assert.equal(stale.response.status, 412)
  const problem: Schemas['Problem'] | undefined = stale.error
  assert.equal(problem?.code, 'precondition_failed' satisfies Schemas['ProblemCode'])
  console.log('3-6  kiosk is registered and renamed; an old tag is refused')
  return basic('kiosk', made.data.client_secret)
}

async function bob(admin: Nod): Promise<Schemas['User']> {
  const found = await admin.GET('/admin/v1/users', { params: { query: { username: 'bob' } } })
  assert.deepEqual(found.data?.items.map(({ username }) => username), ['bob'])
  const [old] = found.data.items
  assert(old)

  const body: Schemas['UserCreation'] = { username: 'bob', name: 'Bob' }
  const second = await admin.POST('/admin/v1/users', { body })
  assert.equal(second.response.status, 409)
  assert.equal(second.error?.code, 'username_taken' satisfies Schemas['ProblemCode'])

  const deleted = await admin.DELETE('/admin/v1/users/{user_id}', { params: { path: { user_id: old.id } } })
  assert.equal(deleted.response.status, 204)
  const made = await admin.POST('/admin/v1/users', { body })
  assert.equal(made.data?.name, 'Bob')
  console.log('7-8  bob was there, went, and came again')
  return made.data
}

async function phone(admin: Nod, user: Schemas['User']): Promise<ChildProcess> {
  const path = { user_id: user.id }
  const key = await admin.POST('/admin/v1/users/{user_id}/pairing-keys', { params: { path } })
  assert(key.data)
  const where = ['--server', ISSUER, '--user', 'bob', '--state', environment('NOD_PHONE')]
  const how = ['--pairing-key-stdin', '--auto', 'approve', '--after', '2s', '--once']
  const child = spawn(environment('NOD_BIN'), ['phone', ...where, ...how], { stdio: ['pipe', 'ignore', 'inherit'] })
  child.stdin.end(`${key.data.key}\n`)

  const end = Date.now() + LIMIT_MS
  for (;;) {
    const devices = await admin.GET('/admin/v1/users/{user_id}/devices', { params: { path } })
    assert(devices.data)
    if (devices.data.items.length > 0) break
    assert(Date.now() < end, 'the phone did not pair')
    await sleep(100)
  }
  console.log("9    bob's phone is paired")
  return child
}

async function ask(client: Nod): Promise<Schemas['TokenResponse']> {
  const asked = await client.POST('/as/bc-auth.ciba', { body: { scope: 'openid profile', login_hint: 'bob' }, ...form })
  assert(asked.data)
  const { auth_req_id, interval } = asked.data
  const poll = { grant_type: 'urn:openid:params:grant-type:ciba', auth_req_id }

  const pending = await token(client, poll)
  assert.equal(pending.response.status, 400)
  assert.equal(pending.error?.error, 'authorization_pending' satisfies Schemas['OAuthErrorCode'])
  console.log('10-11  bob is asked; the answer is pending')

  const end = Date.now() + LIMIT_MS
  for (;;) {
    await sleep(interval * 1000)
    const answer = await token(client, poll)
    if (answer.data) {
      console.log('12   bob approved; there are tokens')
      return answer.data
    }
    assert.equal(answer.error.error, 'authorization_pending')
    assert(Date.now() < end, 'nobody approved')
  }
}

async function use(client: Nod, tokens: Schemas['TokenResponse']): Promise<void> {
  const resource = bearer(tokens.access_token)
  const claims = await resource.GET('/idp/userinfo.openid')
  assert(claims.data?.sub)
  assert.equal(claims.data.name, 'Bob')

  const revoked = await client.POST('/as/revoke_token.oauth2', { body: { token: tokens.access_token }, ...form })
  assert.equal(revoked.response.status, 200)
  const refused = await resource.GET('/idp/userinfo.openid')
  assert.equal(refused.response.status, 401)
  assert.equal(refused.error?.error, 'invalid_token' satisfies Schemas['OAuthErrorCode'])
  console.log('13-14  UserInfo was read; the token is revoked')
}

const admin = await administrator()
const client = await kiosk(admin)
const child = await phone(admin, await bob(admin))
const gone = once(child, 'exit')
try {
  await use(client, await ask(client))
  assert.deepEqual(await gone, [0, null])
} finally {
  child.kill()
}
