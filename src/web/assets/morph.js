// @ts-check
// Makes one tree like another with as few changes as it takes: what stays keeps its focus, its
// selection and, for screen readers, its identity.

// What belongs to the person and not to the server.
const THEIRS = new Set(['open', 'aria-pressed'])

/**
 * @param {Element} old
 * @param {Element} fresh
 */
export function morph(old, fresh) {
  attributes(old, fresh)
  if (old instanceof HTMLInputElement || old instanceof HTMLSelectElement) return
  children(old, fresh)
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function attributes(old, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (!THEIRS.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value)
  }
  for (const { name } of [...old.attributes]) {
    if (!THEIRS.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name)
  }
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function children(old, fresh) {
  /** @type {ChildNode | null} */
  let here = old.firstChild
  for (const wanted of [...fresh.childNodes]) {
    const found = match(here, wanted)
    if (found) {
      // Those before it are gone on the server.
      while (here && here !== found) here = drop(here)
      if (found instanceof Element && wanted instanceof Element) morph(found, wanted)
      else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue
      here = found.nextSibling
    } else {
      old.insertBefore(document.adoptNode(wanted), here)
    }
  }
  while (here) here = drop(here)
}

/**
 * The node at or after this one that stands for the same thing.
 * @param {ChildNode | null} here
 * @param {ChildNode} wanted
 * @returns {ChildNode | null}
 */
function match(here, wanted) {
  const id = wanted instanceof Element ? wanted.id : ''
  for (let node = here; node; node = node.nextSibling) {
    if (node.nodeName !== wanted.nodeName) continue
    if ((node instanceof Element ? node.id : '') === id) return node
  }
  return null
}

/**
 * @param {ChildNode} node
 * @returns {ChildNode | null}
 */
function drop(node) {
  const next = node.nextSibling
  node.remove()
  return next
}
