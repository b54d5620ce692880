// The app that people sign in to: the seeded public client, on an origin of its own.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

/**
 * An app of the server at `base`. `more` is what its page has besides, by path.
 * @param {string} base
 * @param {(path: string) => string} more
 */
export async function relyingParty(base, more = () => '') {
  /** @type {URL[]} */
  const callbacks = []
  const app = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    // Browsers look for an icon, too.
    if (url.pathname === '/callback') callbacks.push(url)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    const page = `<title>The app</title><p>Welcome back.</p>${more(url.pathname)}`
    response.end(`<!doctype html><html lang="en">${page}</html>`)
  }).listen(0, 'localhost')
  await once(app, 'listening')
  const address = app.address()
  const origin = `http://localhost:${typeof address === 'object' ? address?.port : 0}`
  const redirect = `${origin}/callback`

  return {
    origin,
    callbacks,
    close: () => app.close(),
    /** A request for a sign-in: where the browser goes, and what the code is redeemed with. */
    asked(more = {}) {
      const verifier = randomBytes(32).toString('base64url')
      const url = new URL(`${base}/as/authorization.oauth2`)
      const parameters = {
        client_id: 'spa',
        redirect_uri: redirect,
        response_type: 'code',
        scope: 'openid profile email',
        state: randomBytes(16).toString('base64url'),
        nonce: 'n',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...more,
      }
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
      return { url: url.href, verifier, state: parameters.state }
    },
    /** The tokens for what came back last, which answers this request. */
    async redeemed({ verifier, state }, client = 'spa') {
      const callback = callbacks.at(-1)
      assert.equal(callback?.searchParams.get('state'), state)
      assert.equal(callback?.searchParams.get('iss'), base)
      const answer = await fetch(`${base}/as/token.oauth2`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: client,
          code: callback?.searchParams.get('code') ?? '',
          redirect_uri: redirect,
          code_verifier: verifier,
        }),
      })
      assert.equal(answer.status, 200)
      return answer.json()
    },
  }
}

/**
 * Alice signs in to the app.
 * @param {import('playwright-core').Page} page
 * @param {Awaited<ReturnType<typeof relyingParty>>} app
 */
export async function signedIn(page, app) {
  await page.goto(app.asked().url)
  await page.getByLabel('Username').fill('alice')
  await page.getByLabel('Password').fill('alice')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Allow' }).or(page.getByText('Welcome back.')).waitFor()
  if (await page.getByRole('button', { name: 'Allow' }).isVisible()) {
    await page.getByRole('button', { name: 'Allow' }).click()
  }
  await page.getByText('Welcome back.').waitFor()
}
