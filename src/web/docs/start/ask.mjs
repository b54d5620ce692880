// Asks a person for a yes, waits for the answer, and shows who it was. Node.js 20 or newer.
import { setTimeout as sleep } from 'node:timers/promises'

const issuer = 'http://localhost:8080'
const client = 'shop'
const secret = 'shop-secret'
const person = 'alice'

async function post(path, parameters) {
  const response = await fetch(issuer + path, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${client}:${secret}`)}` },
    body: new URLSearchParams(parameters),
  })
  return response.json()
}

const asked = await post('/as/bc-auth.ciba', { scope: 'openid profile', login_hint: person, binding_message: 'K7Q2' })
console.log(asked)
if (asked.error) process.exit(1)

let { interval } = asked
let answer
do {
  await sleep(interval * 1000)
  answer = await post('/as/token.oauth2', {
    grant_type: 'urn:openid:params:grant-type:ciba',
    auth_req_id: asked.auth_req_id,
  })
  if (answer.error === 'slow_down') interval += 5
} while (['authorization_pending', 'slow_down'].includes(answer.error))

if (answer.error) {
  console.log(answer)
  process.exit(1)
}
const who = await fetch(`${issuer}/idp/userinfo.openid`, { headers: { Authorization: `Bearer ${answer.access_token}` } })
console.log(await who.json())
