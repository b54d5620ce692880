// Starts the built `nod` for the tests: the provider on a free port, and Alice's phone.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const NOD = process.env.NOD_BIN ?? fileURLToPath(new URL('../../target/debug/nod', import.meta.url))

const START_LIMIT_MS = 30_000

/** Nobody listens there, at this moment. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** A `nod` process. What it prints is kept, for the message of a test that fails. */
class Nod {
  constructor(args, cwd) {
    this.name = `nod ${args[0]}`
    this.output = ''
    /** Of this, what is on standard output. */
    this.told = ''
    this.child = spawn(NOD, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    this.gone = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(`cannot be started: ${error.message}`))
      this.child.once('close', (code, signal) => resolve(`ended with ${code ?? signal}`))
    })
    this.gone.then((why) => (this.ended = why))
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.output += text))
    }
    this.child.stdout.on('data', (text) => (this.told += text))
  }

  async stop() {
    if (this.ended === undefined) this.child.kill('SIGTERM')
    await this.gone
  }
}

/** Dev mode on a free port, with data that nobody else sees. */
export async function startProvider() {
  const folder = await mkdtemp(join(tmpdir(), 'nod-openid-client-'))
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const nod = new Nod(['dev', '--port', String(port), '--data-dir', join(folder, 'data')], folder)

  const deadline = Date.now() + START_LIMIT_MS
  for (;;) {
    const found = await fetch(`${issuer}/.well-known/openid-configuration`).catch(() => undefined)
    if (found?.ok) break
    if (nod.ended !== undefined || Date.now() > deadline) {
      await nod.stop()
      await rm(folder, { recursive: true, force: true })
      throw new Error(`${nod.name} is not ready: ${nod.ended}\n${nod.output}`)
    }
    await sleep(50)
  }

  return {
    issuer,
    folder,
    /** Alice's phone, which gives every request the same answer. */
    phone: (auto, after = '1s') =>
      new Nod(['phone', '--data-dir', join(folder, 'data'), '--user', 'alice', '--auto', auto, '--after', after], folder),
    /** A client of ours that proves itself with a key, not with a secret; for CIBA, if nothing else is said. */
    async registerWithKey(clientId, publicJwk, ...more) {
      const jwks = join(folder, `${clientId}.jwks.json`)
      await writeFile(jwks, JSON.stringify({ keys: [publicJwk] }))
      await this.register(clientId, '--auth', 'private_key_jwt', '--jwks', jwks, ...(more.length ? more : ['--grant', 'ciba']))
    },
    /** Any other, with the options of `nod client create`. */
    async register(clientId, ...options) {
      await this.command('client', 'create', clientId, ...options)
    },
    /** What an administrator does on this machine, `nod user ...`, and what is printed then. */
    async command(...words) {
      const nod = new Nod([...words, '--data-dir', join(folder, 'data')], folder)
      const why = await nod.gone
      if (why !== 'ended with 0') throw new Error(`nod ${words.slice(0, 2).join(' ')} ${why}\n${nod.output}`)
      return nod.told
    },
    async stop() {
      await nod.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
