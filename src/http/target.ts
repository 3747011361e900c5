/**
 * Hot: a request's target (RFC 9112, section 3.2) as a file's name below a root.
 *
 * What no honest client sends is refused as a whole, not repaired: `..` in any spelling, an escaped slash, a
 * backslash in any spelling, NUL, a `%` without two digits. Empty segments and `.` are dropped, as RFC 3986 has it.
 */

export interface Target {
  /** The decoded path as a byte string, without a slash at either end or two in a row; empty for the root. */
  readonly name: string
  /** Whether the path ended with a slash, so that it can only mean a directory. */
  readonly directory: boolean
  /** The query with its question mark, as it was sent; empty where there is none. */
  readonly query: string
}

/** Paths that mean what they say: nothing to decode, no empty segment, none that begins with a dot. */
const plain = /^(?:\/[\w~!$&'()*+,;=:@-][\w.~!$&'()*+,;=:@-]*)*\/?$/
const authority = /^https?:\/\/[^/?#]+/i
const refused = /%(?![0-9a-f]{2})|%(?:00|2f|5c)|[\0\\]/i

/** The target in origin-form or absolute-form; null where it is malformed or refused. */
export function parseTarget(target: string): Target | null {
  const fragment = target.indexOf('#')
  let path = fragment === -1 ? target : target.slice(0, fragment)
  let query = ''
  const question = path.indexOf('?')
  if (question !== -1) {
    query = path.slice(question)
    path = path.slice(0, question)
  }
  if (path.charCodeAt(0) !== 0x2f) {
    const match = authority.exec(path)
    if (match === null) return null
    path = path.slice(match[0].length) || '/'
  }
  if (!plain.test(path)) return decode(path, query)
  const directory = path.charCodeAt(path.length - 1) === 0x2f
  return { name: directory ? path.slice(1, -1) : path.slice(1), directory, query }
}

function decode(path: string, query: string): Target | null {
  if (refused.test(path)) return null
  // The parser hands over bytes; characters beyond one byte come from callers that decoded a target themselves.
  const bytes = /[^\0-\xff]/.test(path) ? Buffer.from(path, 'utf8').toString('latin1') : path
  const decoded = bytes.replace(/%(..)/g, (_escape, digits: string) =>
    String.fromCharCode(parseInt(digits, 16)),
  )
  const segments = decoded.split('/')
  if (segments.includes('..')) return null
  const last = segments[segments.length - 1]
  return {
    name: segments.filter(segment => segment !== '' && segment !== '.').join('/'),
    directory: last === '' || last === '.',
    query,
  }
}
