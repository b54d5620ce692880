// @ts-check
// Shows what is typed into a field for passwords, while somebody wants to see it.

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('button[data-reveals]'))) {
  const field = document.getElementById(button.dataset.reveals ?? '')
  if (!(field instanceof HTMLInputElement)) continue

  /** @param {boolean} shown */
  const show = (shown) => {
    field.type = shown ? 'text' : 'password'
    button.setAttribute('aria-pressed', String(shown))
  }
  button.addEventListener('click', () => show(field.type === 'password'))
  // A browser keeps what was sent from a field for text, and offers it to whoever comes next.
  field.form?.addEventListener('submit', () => show(false))
  button.hidden = false
}

export {}
