// Serves the files beside it, as any web server would: `node serve.mjs --issuer http://localhost:8080 --port 5000`.

import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const TYPES = { html: 'text/html', mjs: 'text/javascript', css: 'text/css' }

/** A server at `http://localhost:<port>`; any free port for 0. */
export async function serve({ issuer, port = 0 }) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const name = pathname === '/' ? 'index.html' : pathname.slice(1)
    const type = TYPES[name.split('.').at(-1) ?? '']
    try {
      if (!type || !/^[a-z]+\.[a-z]+$/.test(name)) throw new Error('none of ours')
      const text = await readFile(new URL(name, import.meta.url), 'utf8')
      response.writeHead(200, {
        'Content-Type': `${type}; charset=utf-8`,
        // Whoever shows a sign-in lets nothing else run in it, and cannot be framed.
        'Content-Security-Policy':
          `default-src 'none'; script-src 'self'; style-src 'self'; connect-src ${issuer}; form-action 'none'; ` +
          "base-uri 'none'; frame-ancestors 'none'",
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
        'X-Content-Type-Options': 'nosniff',
      })
      response.end(text.replace('content="http://localhost:8080"', `content="${issuer}"`))
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(port, 'localhost', () => resolve(undefined)))
  const address = server.address()
  const url = `http://localhost:${typeof address === 'object' ? address?.port : port}`
  return { url, stop: () => server.close() }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { issuer: { type: 'string', default: 'http://localhost:8080' }, port: { type: 'string', default: '5000' } },
  })
  const { url } = await serve({ issuer: values.issuer, port: Number(values.port) })
  console.log(`The authentication application is at ${url}`)
}
