// Dev mode on a free port with data that nobody else sees, and Debian's Chromium in front of it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

import axe from 'axe-core'
import { chromium } from 'playwright-core'

import { freePort, NOD } from '../../examples/openid-client/nod.mjs'

const START_LIMIT_MS = 30_000
/** No single step takes longer, on a busy machine either. */
export const PATIENCE_MS = 15_000

function browserPath() {
  const candidates = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  for (const path of candidates) {
    try {
      if (path) {
        accessSync(path)
        return path
      }
    } catch {
      // The next one.
    }
  }
  throw new Error('no Chromium: scripts/prerequisites test installs it, or name one in CHROMIUM')
}

/** The shop asks; the number that it shows, once the phone shows the same question. */
export async function ask(page, press = () => page.getByRole('button', { name: 'Send the request' }).click()) {
  const answered = page.waitForResponse((response) => response.url().endsWith('/dev/shop/requests'))
  await press()
  const { request } = await (await answered).json()
  await page.locator(`#shop-link a[href$="${request}"]`).waitFor()
  const number = (await page.locator('#number .digits').textContent()).trim()
  await page.getByRole('button', { name: `Approve with ${number}` }).waitFor()
  return number
}

/** What can be wrong in one theme and right in another: nothing else depends on colours. */
const COLOURS = ['color-contrast', 'color-contrast-enhanced', 'link-in-text-block']

/** Pages that bring axe along wherever they go. */
const equipped = new WeakSet()

/** Every rule that axe has, those for experiments and of level AAA too, or `only` some of them. */
async function lookWithAxe(page, what, { only } = {}) {
  if (!equipped.has(page)) {
    await page.addInitScript(axe.source)
    await page.evaluate(axe.source)
    equipped.add(page)
  }
  const violations = await page.evaluate(async (only) => {
    const rules = window.axe.getRules().filter(({ tags }) => !tags.includes('deprecated'))
    const runOnly = only ?? rules.map(({ ruleId }) => ruleId)
    // All else that it found stays there: to bring it here takes as long as to find it.
    return (await window.axe.run({ runOnly, resultTypes: ['violations'] })).violations
  }, only)
  await fits(page, what, violations)
}

/** No rule of axe is broken, nothing has to be scrolled sideways. */
export const check = (page, what) => lookWithAxe(page, what)
const colours = (page, what) => lookWithAxe(page, what, { only: COLOURS })

/** Nothing has to be scrolled sideways; nor is anything wrong that was found. */
async function fits(page, what, violations) {
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
  assert.deepEqual(found, [], what)
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.equal(overflow, 0, `${what} is wider than its window`)
}

/** How a page is looked at: theme, width of the window, rules. Colours alone can be right in one theme and wrong in the other. */
export const LOOKS = [
  ['light', 1280, check],
  ['light', 320, check],
  ['dark', 320, colours],
  ['dark', 1280, colours],
]

/** Nothing is wrong with the page in each look. `also`: what else is looked at there. */
export async function looksRight(page, what, looks = LOOKS, also = async (_what, _name) => {}) {
  for (const [colorScheme, width, look] of looks) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: width === 320 ? 640 : 900 })
    const seen = `${what}, ${colorScheme}, ${width}`
    await look(page, seen)
    await also(seen, `${colorScheme}-${width}`)
  }
  await page.emulateMedia({ colorScheme: looks[0][0] })
  await page.setViewportSize({ width: 1280, height: 900 })
}

/** The first administrator: what they send to the admin API, as JSON. */
export async function administrator(dev) {
  const post = async (path, authorization, body) => {
    const form = body instanceof URLSearchParams
    const headers = { authorization, ...(form ? {} : { 'content-type': 'application/json' }) }
    const answer = await fetch(dev.base + path, { method: 'POST', headers, body: form ? body : JSON.stringify(body) })
    assert.ok(answer.ok, `${path}: ${answer.status}`)
    return answer.json()
  }
  const offered = (await readFile(join(dev.data, 'bootstrap-token'), 'utf8')).trim()
  const first = await post('/admin/v1/bootstrap', `Bearer ${offered}`, { client_id: 'root' })
  const basic = `Basic ${btoa(`root:${first.client_secret}`)}`
  const grant = new URLSearchParams({ grant_type: 'client_credentials', scope: 'nod:admin' })
  const bearer = `Bearer ${(await post('/as/token.oauth2', basic, grant)).access_token}`
  return (path, body) => post(path, bearer, body)
}

export const openAll = (page) =>
  page.evaluate(() => document.querySelectorAll('main details').forEach((details) => (details.open = true)))

/** A server and a browser. `visit` gives a page that reports whatever it should not do. */
export async function startDev(switches = []) {
  const folder = await mkdtemp(join(tmpdir(), 'nod-browser-'))
  const port = await freePort()
  const base = `http://localhost:${port}`
  const begun = performance.now()
  const nod = spawn(NOD, ['dev', '--port', String(port), '--data-dir', join(folder, 'data')], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [nod.stdout, nod.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const gone = new Promise((resolve) => {
    nod.once('error', (error) => resolve(error.message))
    nod.once('exit', (code, signal) => resolve(`ended with ${code ?? signal}`))
  })
  let browser

  async function stop() {
    await browser?.close()
    nod.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true })
  }

  try {
    const deadline = Date.now() + START_LIMIT_MS
    while (!output.includes('ready in')) {
      if (nod.exitCode !== null || Date.now() > deadline) throw new Error(`nod dev is not ready:\n${output}`)
      await sleep(50)
    }
    // In a container there is no user to sandbox as.
    const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
    browser = await chromium.launch({ executablePath: browserPath(), args: [...args, ...switches] })
  } catch (error) {
    await stop()
    throw error
  }

  return {
    base,
    /** Where its files are. */
    data: join(folder, 'data'),
    stop,
    output: () => output,
    /** Seconds since the server was started, on a machine with nothing of it. */
    sinceStart: () => (performance.now() - begun) / 1000,
    /** @param {import('playwright-core').BrowserContextOptions} options */
    async visit(path = '/', options = {}) {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 900 },
        reducedMotion: 'reduce',
        ...options,
      })
      const page = await context.newPage()
      page.setDefaultTimeout(PATIENCE_MS)
      const complaints = []
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== base) complaints.push(`asked elsewhere: ${request.url()}`)
      })
      await page.goto(base + path)
      return {
        page,
        /** Console errors (broken policies are among them) and requests to other origins. */
        complaints,
        close: () => context.close(),
      }
    },
    /** A scenario without a browser. */
    async play(name) {
      const response = await fetch(`${base}/dev/scenarios/${name}`, { method: 'POST' })
      return response.json()
    },
  }
}
