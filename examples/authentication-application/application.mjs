// An authentication application: it shows where a flow is, and offers what is in `_links`. It knows what each
// action asks a person for, and nothing of the order in which they come: that is the policy's.

const ISSUER = document.querySelector('meta[name="nod-issuer"]').content.replace(/\/$/, '')
const place = document.querySelector('#flow')

/** What an action asks for. One that is not here is not offered. */
const ACTIONS = {
  submitIdentifier: {
    button: 'Continue',
    fields: [{ name: 'identifier', label: 'Username', type: 'text', autocomplete: 'username' }],
  },
  checkUsernamePassword: {
    button: 'Sign in',
    fields: [
      { name: 'username', label: 'Username', type: 'text', autocomplete: 'username' },
      { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' },
    ],
  },
  grantConsent: { button: 'Allow', scopes: true, fields: [] },
  denyConsent: { button: 'Do not allow', plain: true, fields: [] },
  cancelIdentifierSubmission: { button: 'Cancel', plain: true, fields: [] },
  cancel: { button: 'Cancel', plain: true, fields: [] },
}

/** What a person reads about a scope. */
const SCOPES = {
  openid: 'Know who you are',
  profile: 'See your name',
  email: 'See your email address',
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value)
  made.append(...children)
  return made
}

function show(...elements) {
  place.replaceChildren(...elements)
  place.querySelector('[aria-invalid], input:not([readonly])')?.focus()
}

function say(text, ...more) {
  show(element('p', {}, text), ...more)
}

/** One call of the flow API. Its cookies belong to Nod, so they are sent along. */
async function call(href, action, body) {
  const acting = action && {
    method: 'POST',
    headers: { 'Content-Type': `application/vnd.pingidentity.${action}+json`, 'X-XSRF-Header': 'example' },
    body: JSON.stringify(body),
  }
  const response = await fetch(href, { credentials: 'include', referrerPolicy: 'no-referrer', ...acting })
  return { ok: response.ok, answer: await response.json() }
}

async function read(href) {
  try {
    const { ok, answer } = await call(href)
    if (ok) state(answer)
    else over(answer)
  } catch {
    say('The sign-in cannot be reached. Try again in a moment.')
  }
}

async function act(now, action, body) {
  try {
    const { ok, answer } = await call(now._links[action].href, action, body)
    if (ok) state(answer)
    else if (answer.code === 'FLOW_NOT_FOUND') over(answer)
    // Somebody pressed twice, or in another tab: what is possible now is asked anew.
    else if (answer.code === 'INVALID_ACTION_ID') await read(now._links.self.href)
    else state(now, { action, answer, typed: body })
  } catch {
    state(now, { action, answer: { userMessage: 'The sign-in cannot be reached. Try again in a moment.' }, typed: body })
  }
}

/** The flow has ended, or is another browser's: only the app that the person came from can begin anew. */
function over(answer) {
  say(answer.userMessage ?? 'This sign-in is over.', element('p', {}, 'Go back to the app, and sign in there again.'))
}

/** Where the browser goes on. Nod's own address, whatever else an answer may say. */
function onward(url) {
  if (new URL(url).origin !== new URL(ISSUER).origin) throw new Error('not an address of Nod')
  return url
}

/** Shows a state: `wrong` is what became of the last try. */
function state(now, wrong) {
  if (now.status === 'RESUME') return location.replace(onward(now.resumeUrl))
  if (now.status === 'FAILED') {
    const back = now.resumeUrl && element('p', {}, element('a', { href: onward(now.resumeUrl) }, 'Back to the app'))
    return say(now.userMessage, ...(back ? [back] : []))
  }
  const offered = Object.keys(now._links).filter((action) => action in ACTIONS)
  if (offered.length === 0) return say('This page does not know what comes next.')
  const intro = now.client ? [element('p', {}, `${now.client.name} asks for the following:`)] : []
  show(...intro, ...offered.map((action) => form(now, action, wrong?.action === action ? wrong : undefined)))
}

function form(now, action, wrong) {
  const { button, plain, scopes, fields } = ACTIONS[action]
  const made = element('form', { novalidate: '' })
  const details = wrong?.answer.details ?? []
  const general = details.filter(({ target }) => !fields.some(({ name }) => name === target))
  const told = details.length ? general.map(({ userMessage }) => userMessage) : wrong ? [wrong.answer.userMessage] : []
  for (const text of told) made.append(element('p', { class: 'wrong', role: 'alert' }, text))
  for (const field of fields) made.append(labelled(now, action, field, wrong, details))
  if (scopes) made.append(boxes(now))
  made.append(element('button', plain ? { class: 'plain' } : {}, button))
  made.addEventListener('submit', async (event) => {
    event.preventDefault()
    made.querySelector('button').disabled = true
    await act(now, action, body(made, action))
  })
  return made
}

function labelled(now, action, { name, label, type, autocomplete }, wrong, details) {
  const id = `${action}-${name}`
  const input = element('input', { id, name, type, autocomplete, autocapitalize: 'none', spellcheck: 'false' })
  // What was typed stays, but no password.
  if (type === 'text') input.value = wrong?.typed[name] ?? now[name] ?? ''
  if (name === 'username' && now.allowUsernameEdits === false) input.readOnly = true
  const field = element('div', {}, element('label', { for: id }, label), input)
  const problem = details.find(({ target }) => target === name)
  if (problem) {
    input.setAttribute('aria-invalid', 'true')
    input.setAttribute('aria-describedby', `${id}-wrong`)
    field.append(element('p', { id: `${id}-wrong`, class: 'wrong' }, problem.userMessage))
  }
  return field
}

function boxes(now) {
  const group = element('fieldset')
  for (const { name } of now.scopes ?? []) {
    const box = element('input', { type: 'checkbox', name, checked: '' })
    if (name === 'openid') box.disabled = true
    group.append(element('label', { class: 'box' }, box, ` ${SCOPES[name] ?? name}`))
  }
  return group
}

/** What an action is sent with: it has these members, and no other. */
function body(made, action) {
  const { scopes, fields } = ACTIONS[action]
  const sent = {}
  for (const { name } of fields) sent[name] = made.elements.namedItem(name).value
  if (scopes) sent.scope = [...made.querySelectorAll('input:checked')].map(({ name }) => name).join(' ')
  return sent
}

function begin() {
  const flow = new URLSearchParams(location.search).get('flowId')
  // As Nod makes them: nothing else is asked for.
  if (flow && /^[0-9A-Za-z]{1,30}$/.test(flow)) read(`${ISSUER}/pf-ws/authn/flows/${flow}`)
  else say('There is nothing to sign in to here. Begin in the app that you want to use.')
}

// Whoever comes back finds the flow where it is now, not where it was.
addEventListener('pageshow', ({ persisted }) => persisted && begin())
begin()
