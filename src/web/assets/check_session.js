// The frame of OpenID Connect Session Management 1.0 §3.3: a page of a relying party asks whether the person who
// signed in there is still the one who is signed in here. src/protocol/session_state.rs makes what is compared.

'use strict'

const cookie = document.currentScript.dataset.cookie

function browserState() {
  const pair = document.cookie.split('; ').find((pair) => pair.startsWith(`${cookie}=`))
  return pair ? pair.slice(cookie.length + 1) : ''
}

async function answer(message, origin) {
  const [client, told, ...more] = typeof message === 'string' ? message.split(' ') : []
  const [digest, salt, ...rest] = told ? told.split('.') : []
  if (!client || !digest || !salt || more.length > 0 || rest.length > 0) return 'error'
  // Where the browser keeps our cookies from us in a frame, nobody seems to be signed in. Asking again would not help.
  if (document.hasStorageAccess && !(await document.hasStorageAccess())) return 'error'
  const text = new TextEncoder().encode(`${client} ${origin} ${browserState()} ${salt}`)
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', text))
  const own = btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  return own === digest ? 'unchanged' : 'changed'
}

addEventListener('message', async ({ data, origin, source }) => {
  if (!source || source === window || origin === 'null') return
  const told = await answer(data, origin).catch(() => 'error')
  source.postMessage(told, { targetOrigin: origin })
})
