// @ts-check
// The documentation works without this. With it the list narrows while somebody types, `/` leads to
// the search, and commands can be copied.

import { copy, enliven } from './copy.js'

const field = /** @type {HTMLInputElement | null} */ (document.getElementById('q'))
const contents = document.getElementById('contents')
const count = document.getElementById('count')

/** The same rule as on the server: every word is somewhere in the entry. */
function narrow() {
  if (!field || !contents || !count) return
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean)
  let found = 0
  for (const entry of contents.querySelectorAll('li')) {
    const text = `${entry.textContent} ${entry.dataset.also ?? ''}`.toLowerCase()
    entry.hidden = !words.every((word) => text.includes(word))
    if (!entry.hidden) found += 1
  }
  for (const box of /** @type {NodeListOf<HTMLElement>} */ (contents.querySelectorAll('.listed, section'))) {
    box.hidden = !box.querySelector('li:not([hidden])')
  }
  count.textContent = `${found} found`
}

/** @param {KeyboardEvent} event */
function key(event) {
  const typing = event.target instanceof HTMLInputElement
  if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  field?.focus()
}

document.addEventListener('keydown', key)
document.addEventListener('click', ({ target }) => copy(target instanceof Element ? target.closest('button') : null))
// A page that the server narrowed has not all entries: there, the form asks again.
if (field && contents && !field.value) field.addEventListener('input', narrow)
enliven()
