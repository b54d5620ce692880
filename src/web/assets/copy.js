// @ts-check
// What both kinds of pages have: buttons that copy.

const said = /** @type {HTMLElement} */ (document.getElementById('said'))

/** Buttons that only a script can serve. */
export function enliven() {
  for (const button of document.querySelectorAll('button[hidden]')) button.removeAttribute('hidden')
}

/** @param {HTMLButtonElement | null} button */
export async function copy(button) {
  const source = button?.dataset.copies
  if (!source) return
  try {
    await navigator.clipboard.writeText(document.getElementById(source)?.textContent ?? '')
    said.textContent = 'Copied.'
  } catch {
    said.textContent = 'The browser does not let us copy. Select the text instead.'
  }
}
