// @ts-check
// What is alive on a page: when something changes on the server, the page is asked for again and
// the differences are taken over. The markup is written once, on the server; without this script
// the same pages work by loading them again.

import { copy, enliven } from './copy.js'
import { morph } from './morph.js'

const said = /** @type {HTMLElement} */ (document.getElementById('said'))
const pauseButton = /** @type {HTMLButtonElement | null} */ (document.getElementById('pause'))

let paused = false
let asking = false
let again = false
/**
 * The request that was sent on this page, until when its question is awaited, and nothing once somebody went on.
 * Its name comes with the answer: until then the page may show the one before it.
 * @type {{ request?: string, until: number } | null}
 */
let awaited = null

/**
 * Loads this page as a document: parsed by the browser and not run, so no markup is made from strings.
 * @returns {Promise<Document>}
 */
function load() {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.responseType = 'document'
    request.open('GET', location.pathname + location.search)
    request.setRequestHeader('Accept', 'text/html')
    request.onload = () => (request.responseXML ? resolve(request.responseXML) : reject(new Error('no page')))
    request.onerror = () => reject(new Error('no answer'))
    request.send()
  })
}

async function refresh() {
  if (paused) return
  if (asking) {
    again = true
    return
  }
  asking = true
  try {
    do {
      again = false
      const page = await load()
      const focused = document.activeElement
      const pane = focused?.closest('.pane, .phone')
      for (const id of ['mode', 'main']) {
        const [old, fresh] = [document.getElementById(id), page.getElementById(id)]
        if (old && fresh) morph(old, fresh)
      }
      enliven()
      // Whoever pressed a button that is gone now goes on with what came of it.
      if (focused && !focused.isConnected) {
        const status = pane?.querySelector('[role=status]')
        if (status instanceof HTMLElement) status.focus()
      }
      follow()
    } while (again)
  } catch {
    // The server is away. The live channel tells when it is back.
  } finally {
    asking = false
  }
}

/**
 * In a narrow window the phone is further down. Whoever has asked, and has done nothing else since, goes on there.
 * Where the question is in sight, nothing moves.
 */
function follow() {
  if (!awaited?.request || performance.now() > awaited.until) return
  if (!document.querySelector(`#shop-link a[href$="${awaited.request}"]`)) return
  const question = document.querySelector('#phone .question')
  const title = question?.querySelector('h3')
  if (!question || !title) return
  awaited = null
  const number = document.querySelector('#number .digits')?.textContent?.trim()
  said.textContent = `Alice’s phone asks.${number ? ` The shop shows ${number}.` : ''}`
  const { top, bottom } = question.getBoundingClientRect()
  if (top >= 0 && bottom <= innerHeight) return
  if (bottom > innerHeight && top >= 0 && top < innerHeight / 2) return
  title.focus({ preventScroll: true })
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches
  const from = document.getElementById('shown') ?? question
  from.scrollIntoView({ block: 'start', behavior: still ? 'auto' : 'smooth' })
}

/** @param {SubmitEvent} event */
async function submit(event) {
  const form = /** @type {HTMLFormElement} */ (event.target)
  if (form.method !== 'post') return
  event.preventDefault()
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter)
  if (button?.getAttribute('aria-disabled') === 'true') return
  const fields = new URLSearchParams()
  for (const [name, value] of new FormData(form, button)) fields.append(name, String(value))
  try {
    awaited = button?.id === 'send' ? { until: 0 } : null
    const response = await fetch(form.action, { method: 'POST', body: fields, headers: { Accept: 'application/json' } })
    const answer = await response.json()
    if (!response.ok) said.textContent = answer.error_description ?? answer.error ?? 'That did not work.'
    if (awaited) awaited = { request: answer.request, until: performance.now() + 5000 }
    await refresh()
    if (response.ok && form.action.endsWith('/replay')) {
      const id = `m${answer.number}`
      said.textContent = `Sent again: answered with ${answer.status}.`
      if (document.getElementById(id)) location.hash = id
    }
  } catch {
    said.textContent = 'The server does not answer.'
  }
}

/** @param {MouseEvent} event */
async function click(event) {
  const button = event.target instanceof Element ? event.target.closest('button') : null
  if (button && button === pauseButton) {
    paused = !paused
    button.setAttribute('aria-pressed', String(paused))
    said.textContent = paused ? 'Paused.' : 'Live again.'
    await refresh()
  }
  await copy(button)
}

/** A deep link leads to a message that is closed until then. */
function openTarget() {
  document.querySelector(':target details')?.setAttribute('open', '')
}

document.addEventListener('submit', submit)
document.addEventListener('click', click)
for (const kind of ['keydown', 'pointerdown', 'wheel']) addEventListener(kind, () => (awaited = null), { passive: true })
addEventListener('hashchange', openTarget)
openTarget()
enliven()
new EventSource('/dev/events').addEventListener('change', refresh)
