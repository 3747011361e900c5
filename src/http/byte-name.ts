/**
 * File names as byte strings: one character per byte, as Node's `latin1` has it. A file name on Linux is bytes, and a
 * URL can name one that is not UTF-8; a byte string holds it and can still be searched, compared and cut.
 */

const ascii = /^[\0-\x7f]*$/

/** A name as JavaScript has it, as UTF-8 bytes. */
export function toByteName(text: string): string {
  return ascii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** A name as system calls take it. */
export function toSystemName(name: string): string | Buffer {
  return ascii.test(name) ? name : Buffer.from(name, 'latin1')
}

/** A name to show to people; bytes that are not UTF-8 become U+FFFD. */
export function toDisplayName(name: string): string {
  return ascii.test(name) ? name : Buffer.from(name, 'latin1').toString('utf8')
}

/** A name as a URL's path has it (RFC 3986, section 3.3): pchar and slashes stay, every other byte is escaped. */
export function toUrlPath(name: string): string {
  return name.replace(/[^\w.~!$&'()*+,;=:@/-]/g, escapeByte)
}

/** `%` and two digits for a character of one byte. */
export function escapeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

/** Whether any part of the name begins with a dot; `.well-known` at the top is there to be seen (RFC 8615). */
export function isHidden(name: string): boolean {
  if (name.charCodeAt(0) !== 0x2e && !name.includes('/.')) return false
  const visible = name === '.well-known' || name.startsWith('.well-known/')
  return !visible || name.includes('/.')
}
