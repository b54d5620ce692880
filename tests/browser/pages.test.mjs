// The pages of sign-in in all their states: light and dark, on a phone and on a desktop, from left to right, from
// right to left, and in the language with the longest words, where no rule of axe is broken. With NOD_SCREENSHOTS
// set to a folder, pictures of all of them are put there.

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import process from 'node:process'

import { check, LOOKS, looksRight, startDev } from './dev.mjs'

/** All that a browser loads for a page, in bytes. */
const HEAVIEST = 20 * 1024
/** No target is smaller in either direction, in CSS pixels [WCAG 2.5.8]. */
const SMALLEST_TARGET = 24

let dev
let pages
before(async () => {
  dev = await startDev()
  pages = (await (await fetch(`${dev.base}/dev/pages`)).json()).pages
})
after(() => dev?.stop())

/** @param {import('playwright-core').Route} route */
const stays = (route) => (route.request().method() === 'POST' ? route.fulfill({ status: 204 }) : route.continue())

/**
 * A page that sends itself is never done loading: what it leads to leaves it where it is. So does what a page comes to that
 * looks again after a second.
 */
async function open(page, path) {
  // Nor does it get in the way of the next page.
  if (page.url().includes('/push/silent')) await page.evaluate(() => document.forms[0].remove())
  if (path.includes('/push/silent')) await page.route('**/*', stays)
  else await page.unroute('**/*', stays)
  const leaves = path.includes('/form-post/')
  await page.goto(dev.base + path, { waitUntil: leaves ? 'commit' : 'load' })
  if (leaves) await page.waitForFunction(() => getComputedStyle(document.body).display === 'grid')
}

/** A page of an error has the status of that error, and the browser says so. */
const isStatus = (complaint) => /status of (400|403|404|429|500|503)/.test(complaint)

/** Too small ones; links within a sentence may be. */
const smallTargets = (page) =>
  page.evaluate(
    (smallest) =>
      [...document.querySelectorAll('a:not(.skip), button, input:not([type=hidden])')]
        .map((target) => ({ target, box: target.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && Math.min(box.width, box.height) < smallest - 0.5)
        .map(({ target, box }) => `${target.outerHTML.slice(0, 80)} ${box.width}x${box.height}`),
    SMALLEST_TARGET,
  )

// Two at once: one waits for the browser while the other works.
describe('every page and state', { concurrency: 2 }, () => {
  for (const locale of ['en', 'ar', 'de']) {
    test(locale, async () => {
      // Words have no colour: what is long is long in both themes.
      const looks = LOOKS.filter(([theme]) => locale !== 'de' || theme === 'light')
      const { page, complaints, close } = await dev.visit(`${pages[0]}?locale=${locale}`)
      for (const path of pages) {
        await open(page, `${path}?locale=${locale}`)
        await looksRight(page, `${path}, ${locale}`, looks, async (what, look) => {
          assert.deepEqual(await smallTargets(page), [], what)
          const folder = process.env.NOD_SCREENSHOTS
          const name = `${path.slice('/dev/pages/'.length).replace('/', '-')}-${locale}-${look}.png`
          if (folder) await page.screenshot({ path: `${folder}/${name}`, fullPage: true })
        })
        const script = await page.evaluate(({ lang, dir } = document.documentElement) => ({ lang, dir }))
        assert.deepEqual(script, { lang: locale, dir: locale === 'ar' ? 'rtl' : 'ltr' }, path)
      }
      assert.deepEqual(complaints.filter((complaint) => !isStatus(complaint)), [])
      await close()
    })
  }
})

/** What a page and all that it refers to weigh, in bytes. Like `kept`, the files are asked for once. */
async function weight(path, kept) {
  const text = await (await fetch(dev.base + path)).text()
  let sum = new TextEncoder().encode(text).length
  for (const [, file] of text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)) {
    if (!kept.has(file)) kept.set(file, (await (await fetch(dev.base + file)).arrayBuffer()).byteLength)
    sum += kept.get(file)
  }
  return sum
}

test('every page is light', async () => {
  const kept = new Map()
  const weighed = []
  for (const path of pages) weighed.push({ path, bytes: await weight(`${path}?locale=ar`, kept) })
  const heaviest = weighed.reduce((one, other) => (other.bytes > one.bytes ? other : one))
  assert.ok(heaviest.bytes < HEAVIEST, `${heaviest.path} is ${heaviest.bytes} bytes`)

  // And a browser loads no more than that.
  const { page, close } = await dev.visit('/dev/pages')
  const loads = []
  page.on('response', (response) => loads.push(response.body().then(({ length }) => length)))
  await page.goto(`${dev.base}${heaviest.path}?locale=ar`, { waitUntil: 'networkidle' })
  const loaded = (await Promise.all(loads)).reduce((sum, size) => sum + size, 0)
  assert.ok(loaded > 9000 && loaded <= heaviest.bytes, `${loaded} bytes of ${heaviest.bytes}`)
  console.log(`the heaviest of ${pages.length} pages is ${heaviest.path} with ${heaviest.bytes} bytes`)
  await close()
})

test('what is larger fits as well: text of 200 %', async () => {
  const { page, close } = await dev.visit('/dev/pages', { viewport: { width: 640, height: 800 } })
  for (const path of pages) {
    await open(page, `${path}?locale=de`)
    await page.evaluate(() => (document.documentElement.style.fontSize = '200%'))
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    assert.equal(over, 0, path)
  }
  await close()
})

/** What the gallery was sent, by the name of the field. */
const sent = async (page) => Object.fromEntries(JSON.parse(await page.locator('body').innerText()).sent)

for (const javaScriptEnabled of [true, false]) {
  test(`forms work ${javaScriptEnabled ? 'with' : 'without'} script`, async () => {
    const { page, complaints, close } = await dev.visit('/dev/pages/sign-in/fresh', { javaScriptEnabled })
    await page.getByLabel('Username').fill('alice')
    await page.getByLabel('Password').fill('correct horse')
    await page.keyboard.press('Enter')
    await page.waitForURL(/pages\/sent/)
    const { flow: _, ...signedIn } = await sent(page)
    assert.deepEqual(signedIn, { csrf: 'c2FtcGxl', username: 'alice', password: 'correct horse', action: 'sign_in' })

    // Another way goes along with what was typed, and asks for nothing else.
    await page.goto(`${dev.base}/dev/pages/sign-in/hint`)
    await page.getByRole('button', { name: 'Use a passkey' }).click()
    await page.waitForURL(/pages\/sent/)
    assert.equal((await sent(page)).action, 'passkey')
    assert.equal((await sent(page)).username, 'alice')

    await page.goto(`${dev.base}/dev/pages/consent/first`)
    await page.getByLabel('See your email address').uncheck()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(/pages\/sent/)
    assert.deepEqual({ ...(await sent(page)), flow: '' }, { csrf: 'c2FtcGxl', flow: '', 'scope:profile': 'on', action: 'allow' })

    await page.goto(`${dev.base}/dev/pages/method/two`)
    await page.getByLabel('Password').check()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.waitForURL(/pages\/sent/)
    assert.equal((await sent(page)).method, 'm2')

    await page.goto(`${dev.base}/dev/pages/accounts/two`)
    await page.getByRole('button', { name: /Bob/ }).click()
    await page.waitForURL(/pages\/sent/)
    assert.equal((await sent(page)).action, 'use:2')

    await page.goto(`${dev.base}/dev/pages/sign-in/fresh`)
    await page.getByRole('link', { name: 'Deutsch' }).click()
    await page.getByRole('button', { name: 'Anmelden' }).waitFor()
    assert.deepEqual(complaints, [])
    await close()
  })
}

test('the answer for an app sends itself, and without script somebody sends it', async () => {
  const posted = (page) => page.waitForRequest((request) => request.method() === 'POST')
  const fields = 'code=SplxlOBeZQQYbYS6WxSbIA&state=alice&submit=1'
  const scripted = await dev.visit('/dev/pages')
  const byItself = posted(scripted.page)
  await open(scripted.page, '/dev/pages/form-post/to-app')
  assert.equal((await byItself).postData(), fields)
  assert.deepEqual(scripted.complaints, [])
  await scripted.close()

  const plain = await dev.visit('/dev/pages/form-post/to-app', { javaScriptEnabled: false })
  const byHand = posted(plain.page)
  await plain.page.getByRole('button', { name: 'Continue' }).click()
  assert.equal((await byHand).postData(), fields)
  await plain.close()
})

test('a hop leads on by itself, and without script as well', async () => {
  for (const javaScriptEnabled of [true, false]) {
    const { page, complaints, close } = await dev.visit('/dev/pages', { javaScriptEnabled })
    const asked = page.waitForRequest(/nowhere$/)
    await page.goto(`${dev.base}/dev/pages/hop/to-app`)
    const request = await asked
    assert.equal(request.isNavigationRequest(), true)
    assert.equal((await request.allHeaders()).referer, undefined, 'the app is not told where it was')
    assert.deepEqual(complaints, [])
    await close()
  }
})

test('a password is shown while somebody wants to see it, and without script there is no button', async () => {
  for (const [path, fields] of [
    ['sign-in/hint', ['password']],
    ['new-password/fresh', ['new_password']],
    ['change-password/fresh', ['current_password', 'new_password']],
    ['confirm/password', ['password']],
  ]) {
    const { page, complaints, close } = await dev.visit(`/dev/pages/${path}`)
    const buttons = page.getByRole('button', { name: 'Show password' })
    assert.equal(await buttons.count(), fields.length, path)
    for (const [number, id] of fields.entries()) {
      const [field, button] = [page.locator(`#${id}`), buttons.nth(number)]
      const state = async () => [await field.getAttribute('type'), await button.getAttribute('aria-pressed')]
      await field.fill('correct horse')
      assert.deepEqual(await state(), ['password', 'false'], path)
      // With the keyboard as well, and it stays where it is.
      await field.press('Tab')
      await page.keyboard.press('Space')
      assert.deepEqual(await state(), ['text', 'true'], path)
      assert.equal(await field.inputValue(), 'correct horse')
      await check(page, `${path} with ${id} shown`)
      await button.click()
      assert.deepEqual(await state(), ['password', 'false'], path)
      await button.click()
    }
    // What is sent was hidden again.
    const types = page.evaluate(() => {
      const field = ({ dataset }) => document.getElementById(dataset.reveals)
      return new Promise((resolve) =>
        document.forms[0].addEventListener('submit', (event) => {
          event.preventDefault()
          resolve([...document.querySelectorAll('[data-reveals]')].map((button) => field(button).type))
        }),
      )
    })
    await page.locator(`#${fields.at(-1)}`).press('Enter')
    assert.deepEqual(await types, fields.map(() => 'password'), path)
    assert.deepEqual(complaints, [])
    await close()
  }
  const { page, close } = await dev.visit('/dev/pages/sign-in/fresh', { javaScriptEnabled: false })
  assert.equal(await page.getByRole('button', { name: 'Show password' }).count(), 0)
  assert.equal(await page.getByRole('button', { name: 'Sign in' }).count(), 1)
  await close()
})

test('a problem is met first, and leads to its field', async () => {
  const { page, complaints, close } = await dev.visit('/dev/pages/sign-in/missing')
  assert.match(await page.title(), /^Error: Sign in/)
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'problems')
  await page.getByRole('link', { name: 'Enter your password.' }).click()
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'password')
  const described = await page.getByLabel('Password').getAttribute('aria-describedby')
  assert.equal(await page.locator(`#${described.trim()}`).innerText(), 'Enter your password.')

  // Nothing is ready to be pressed by accident where it is about consent.
  await page.goto(`${dev.base}/dev/pages/consent/first`)
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'BODY')
  const [cancel, allow] = await Promise.all(
    ['Cancel', 'Allow'].map((name) => page.getByRole('button', { name }).boundingBox()),
  )
  assert.deepEqual([cancel.width, cancel.height], [allow.width, allow.height])
  assert.deepEqual(complaints, [])
  await close()
})
