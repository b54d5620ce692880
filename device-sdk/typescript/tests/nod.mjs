// The built `nod` in dev mode on a free port, with data that nobody else sees. NOD_BIN names the binary; without it,
// the one that `cargo build` puts in place is taken.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const NOD = process.env.NOD_BIN ?? fileURLToPath(new URL('../../../target/debug/nod', import.meta.url))
const START_LIMIT_MS = 30_000

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

export async function startProvider() {
  const folder = await mkdtemp(join(tmpdir(), 'nod-device-'))
  const data = join(folder, 'data')
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const nod = spawn(NOD, ['dev', '--port', String(port), '--data-dir', data], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let [output, ended] = ['', undefined]
  for (const stream of [nod.stdout, nod.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const gone = new Promise((resolve) => {
    nod.once('error', (error) => resolve(`cannot be started: ${error.message}`))
    nod.once('exit', (code, signal) => resolve(`ended with ${code ?? signal}`))
  }).then((why) => (ended = why))

  async function stop() {
    if (ended === undefined) nod.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true })
  }

  const deadline = Date.now() + START_LIMIT_MS
  while (!(await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined))?.ok) {
    if (ended !== undefined || Date.now() > deadline) {
      await stop()
      throw new Error(`nod dev is not ready: ${ended}\n${output}`)
    }
    await sleep(50)
  }

  return {
    issuer,
    data,
    stop,
    /** What an administrator does: `nod user ...`. */
    async user(...words) {
      const { stdout } = await promisify(execFile)(NOD, ['user', ...words, '--data-dir', data], { cwd: folder })
      return stdout
    },
  }
}
