// What a browser does of its own accord, as far as these tests need it: it keeps cookies, follows redirects
// below the provider, and sends a page's form back.

/** A browser of one person, who meets one provider. */
export class Browser {
  #cookies = new Map()

  constructor(issuer) {
    this.issuer = issuer
  }

  async fetch(url, options = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { redirect: 'manual', ...options, headers: { ...options.headers, cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split('; ')
      const [name, value] = pair.split('=')
      if (attributes.includes('Max-Age=0')) this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
    return response
  }

  /** To where the provider's pages end: `{ page, url }`; or to an address of somebody else: `{ left }`. */
  async open(url, options) {
    let response = await this.fetch(url, options)
    for (let hops = 0; hops < 5; hops += 1) {
      const page = await response.text()
      const next = response.headers.get('location') ?? page.match(/http-equiv="refresh" content="0;url=([^"]*)"/)?.[1]
      if (next === undefined || next === null) return { page, url, status: response.status }
      url = decoded(next)
      if (!url.startsWith(this.issuer)) return { left: new URL(url) }
      response = await this.fetch(url)
    }
    throw new Error(`redirects without end: ${url}`)
  }

  /** Presses a button of a page's form; boxes stay as they are. */
  press({ page }, action, fields = {}) {
    const target = decoded(page.match(/<form method="post" action="([^"]*)"/)[1])
    const hidden = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
    const ticked = [...page.matchAll(/<input type="checkbox" name="([^"]*)" value="([^"]*)" checked>/g)]
    const form = new URLSearchParams([...hidden, ...ticked].map(([, name, value]) => [decoded(name), decoded(value)]))
    for (const [name, value] of Object.entries({ action, ...fields })) form.set(name, value)
    return this.open(target, { method: 'POST', body: form })
  }

  /** From a relying party's request to its callback: signs in, and lets it have what it asks for. */
  async signIn(url, username, password) {
    let at = await this.open(url)
    if (at.page?.includes('name="password"')) at = await this.press(at, 'sign_in', { username, password })
    if (at.page?.includes('value="allow"')) at = await this.press(at, 'allow')
    if (at.left === undefined) throw new Error(`not signed in: ${at.status}\n${at.page}`)
    return at.left
  }
}

function decoded(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"' }
  return text.replace(/&(?:#(\d+)|(\w+));/g, (all, code, name) => (code ? String.fromCodePoint(code) : (named[name] ?? all)))
}
