// The documentation: the same looks at every page as for dev mode's own, its search, and the programs
// of the first call, run as they are shown.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

import { looksRight, openAll, startDev } from './dev.mjs'

const PAGES = [
  '/docs',
  '/docs?q=token',
  '/docs?q=no-such-thing',
  '/docs/start',
  '/docs/errors/precondition_failed',
  '/docs/api/ciba',
  '/docs/api/device',
  '/docs/api/admin-clients',
]

let dev
before(async () => (dev = await startDev()))
after(() => dev?.stop())

// Two at once: one waits for the browser while the other works.
describe('every page', { concurrency: 2 }, () => {
  for (const paths of [PAGES.slice(0, 4), PAGES.slice(4)]) {
    test(paths.join(', '), async () => {
      const { page, complaints, close } = await dev.visit('/docs')
      for (const path of paths) {
        await page.goto(dev.base + path)
        await openAll(page)
        await looksRight(page, path)
      }
      assert.deepEqual(complaints, [])
      await page.goto(`${dev.base}/docs/nothing`)
      await looksRight(page, 'no such page')
      await close()
    })
  }
})

test('the list narrows while somebody types, and a result is reached by keyboard alone', async () => {
  const { page, complaints, close } = await dev.visit('/docs')
  const entries = page.locator('#contents li:visible')
  const all = await entries.count()
  await page.keyboard.press('/')
  await page.keyboard.type('rotate KEY')
  await page.locator('#count', { hasText: /^[1-9] found$/ }).waitFor()
  assert.ok((await entries.count()) < all)
  assert.equal(await page.getByRole('heading', { name: 'Users' }).count(), 0, 'empty boxes are hidden')

  // The server finds the same.
  const live = await entries.count()
  await page.keyboard.press('Enter')
  await page.waitForURL(/q=rotate/)
  assert.equal(await entries.count(), live)

  await page.locator('a[href$="#rotateKeys"]').focus()
  await page.keyboard.press('Enter')
  await page.waitForURL(/#rotateKeys$/)
  await page.locator('#rotateKeys:target').waitFor()
  const errors = page.locator('#rotateKeys summary')
  await errors.focus()
  await page.keyboard.press('Enter')
  await page.locator('#rotateKeys details[open]').waitFor()
  await page.locator('#rotateKeys .kind a').first().focus()
  await page.keyboard.press('Enter')
  await page.locator('.schema:target').waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

test('without script the search is a form', async () => {
  const { page, complaints, close } = await dev.visit('/docs', { javaScriptEnabled: false })
  await page.getByRole('searchbox').fill('webhook')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.waitForURL(/q=webhook/)
  await page.locator('a[href$="#createWebhook"]').waitFor()
  assert.equal(await page.locator('a[href$="#createUser"]').count(), 0)
  assert.deepEqual(complaints, [])
  await close()
})

test('the demo leads to the documentation and back', async () => {
  const { page, complaints, close } = await dev.visit('/')
  await page.getByRole('link', { name: 'API', exact: true }).click()
  await page.getByRole('heading', { name: 'The API', level: 1 }).waitFor()
  await page.getByRole('link', { name: 'Demo' }).click()
  await page.getByRole('button', { name: 'Send the request' }).waitFor()
  assert.deepEqual(complaints, [])
  await close()
})

// Rust is compiled by tests/suite/docs_pages.rs.
const RUN = [
  ['curl', 'ask.sh', ['sh']],
  ['javascript', 'ask.mjs', [process.execPath]],
  ['python', 'ask.py', ['python3']],
  ['go', 'ask.go', ['go', 'run']],
]

for (const [id, file, command] of RUN) {
  const there = spawnSync(command[0], [command[0] === 'go' ? 'version' : '-c', ':'], { stdio: 'ignore' }).error === undefined
  test(`the program in ${id} gets a yes`, { skip: !there && `${command[0]} is not installed` }, async () => {
    const options = { permissions: ['clipboard-read', 'clipboard-write'] }
    const { page, complaints, close } = await dev.visit('/docs/start', options)
    await page.locator(`#${id}`).getByRole('button', { name: 'Copy' }).click()
    await page.locator('#said', { hasText: 'Copied.' }).waitFor()
    const program = await page.evaluate(() => navigator.clipboard.readText())
    assert.ok(program.includes(dev.base), 'the address is filled in')
    const folder = await mkdtemp(join(tmpdir(), 'nod-start-'))
    await writeFile(join(folder, file), program)

    const [run, ...rest] = command
    // As a stranger's Python does, it keeps what it prints to itself until it is told to.
    const environment = { ...process.env, GOFLAGS: '-mod=mod', PYTHONUNBUFFERED: '' }
    const child = spawn(run, [...rest, file], { cwd: folder, env: environment })
    let output = ''
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // The virtual phone does not tell which number is right; nobody but the shop knows. It is in the output.
    const told = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text) => {
          output += text
          const number = /number["':\s]+(\d+)\D/.exec(output)?.[1]
          if (number) resolve(number)
        })
      }
    })
    await page.goto(dev.base)
    const number = await Promise.race([told, ended.then(() => null)])
    assert.ok(number, output)
    await page.locator('.question').getByRole('button', { name: `Approve with ${number}` }).click({ timeout: 60_000 })
    assert.equal(await ended, 0, output)
    assert.match(output, /Alice/, output)
    assert.deepEqual(complaints, [])
    await rm(folder, { recursive: true, force: true })
    await close()
  })
}
