// Builds and runs each part: the documents, a client in each language, schemathesis.
//
//   node run.mjs [part...]
//
// NOD_BIN        the program; target/debug/nod when not set
// NOD_CLIENTS    where packages and what was compiled are kept between runs
//
// Two parts at a time: what waits for the network or for a phone leaves a core to another.

import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { NOD, startProvider } from '../../examples/openid-client/nod.mjs'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const CACHE = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
const KEPT = process.env.NOD_CLIENTS ?? join(CACHE, 'nod', 'clients')
const LANES = 2
const LIMIT_MS = 15 * 60_000

// The longest first.
const PARTS = {
  rust: { server: true },
  schemathesis: { server: true },
  java: { server: true },
  python: { server: true },
  go: { server: true },
  authlib: { server: true },
  apache: { server: true },
  typescript: { server: true },
  documents: { server: false },
}

/** Runs `<part>/run build` or `<part>/run story`. What it prints is kept until it ends. */
async function run(part, what, environment) {
  const child = spawn(join(HERE, part, 'run'), [what], {
    cwd: join(HERE, part),
    env: { ...process.env, NOD_DOCUMENTS: join(HERE, '..', '..', 'openapi'), NOD_KEPT: KEPT, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const why = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `ended with ${code ?? signal}`))
  })
  return { output, why }
}

const seconds = (since) => (performance.now() - since) / 1000

async function perform(part) {
  const begin = performance.now()
  const built = await run(part, 'build', {})
  const build = seconds(begin)
  if (built.why !== undefined || !PARTS[part].server) return { part, build, story: 0, ...built }

  const server = await startProvider()
  const between = performance.now()
  try {
    const told = await run(part, 'story', {
      NOD_ISSUER: server.issuer,
      NOD_BIN: NOD,
      NOD_BOOTSTRAP: join(server.folder, 'data', 'bootstrap-token'),
      NOD_PHONE: join(server.folder, 'phone.json'),
    })
    return { part, build, story: seconds(between), why: told.why, output: built.output + told.output }
  } finally {
    await server.stop()
  }
}

const asked = process.argv.slice(2)
const unknown = asked.filter((part) => !(part in PARTS))
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')} (${Object.keys(PARTS).join(', ')})`)
  process.exit(2)
}

await mkdir(KEPT, { recursive: true })
const waiting = Object.keys(PARTS).filter((part) => asked.length === 0 || asked.includes(part))
const results = []
await Promise.all(
  Array.from({ length: LANES }, async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const result = await perform(part).catch((error) => ({ part, build: 0, story: 0, why: error.message, output: '' }))
      results.push(result)
      console.log(`-- ${part} (${(result.build + result.story).toFixed(0)} s)\n${result.output.trimEnd()}`)
      if (result.why !== undefined) console.log(`-- ${part} failed: ${result.why}`)
    }
  }),
)

console.log('\n  build   story')
for (const { part, build, story, why } of results) {
  const columns = [build, story].map((number) => `${number.toFixed(1).padStart(5)} s`).join(' ')
  console.log(`${columns}  ${part}${why === undefined ? '' : '  FAILED'}`)
}
const failed = results.filter(({ why }) => why !== undefined).length
console.log(`${results.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
