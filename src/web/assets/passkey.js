// @ts-check
// Lets the browser use or make a passkey, and sends what comes of it with the form of the page. What is to be
// signed stands in the form: nothing is decided here.

const form = document.getElementById('passkey')
const told = document.getElementById('passkey-failed')

/** @param {string} text base64url */
function bytes(text) {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(plain, (character) => character.charCodeAt(0))
}

/** @param {ArrayBuffer | null | undefined} buffer */
function text(buffer) {
  if (!buffer) return undefined
  const plain = String.fromCharCode(...new Uint8Array(buffer))
  return btoa(plain).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

/** @param {{ type: 'public-key', id: string }[]} list */
const described = (list) => list.map(({ type, id }) => ({ type, id: bytes(id) }))

/** @param {any} options */
async function get(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: described(options.allowCredentials),
  }
  const made = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey }))
  const response = /** @type {AuthenticatorAssertionResponse} */ (made.response)
  return {
    id: made.id,
    rawId: made.id,
    type: made.type,
    clientExtensionResults: {},
    response: {
      clientDataJSON: text(response.clientDataJSON),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: text(response.userHandle),
    },
  }
}

/** @param {any} options */
async function create(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  }
  const made = /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey }))
  const response = /** @type {AuthenticatorAttestationResponse} */ (made.response)
  return {
    id: made.id,
    rawId: made.id,
    type: made.type,
    clientExtensionResults: {},
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  }
}

/** @param {HTMLFormElement} form */
async function answer(form) {
  const { get: asked, create: wanted } = form.dataset
  const field = form.elements.namedItem(asked ? 'assertion' : 'attestation')
  if (!(field instanceof HTMLInputElement)) return
  if (told) told.hidden = true
  try {
    field.value = JSON.stringify(await (asked ? get(JSON.parse(asked)) : create(JSON.parse(wanted ?? ''))))
  } catch {
    // Whoever looks another way, has none, or takes too long. The browser has said what it was.
    if (told) told.hidden = false
    return
  }
  // Not `form.submit()`: a field may be called that.
  HTMLFormElement.prototype.submit.call(form)
}

if (form instanceof HTMLFormElement) {
  form.addEventListener('submit', (event) => {
    const pressed = event.submitter
    // The other buttons are ways out.
    if (pressed instanceof HTMLButtonElement && pressed.value !== 'passkey') return
    event.preventDefault()
    void answer(form)
  })
  // Somebody has just said that they want this. Not after it failed: they are to read why.
  if (form.dataset.get && form.dataset.wait === undefined) void answer(form)
}

// Names of its own: the other scripts have some of them, too.
export {}
