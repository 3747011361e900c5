/** Hot: what each byte may be in a request's head, by tables of 256. */

export const HTAB = 0x09
export const LF = 0x0a
export const CR = 0x0d
export const SP = 0x20
export const COMMA = 0x2c
export const SLASH = 0x2f
export const COLON = 0x3a

/** The small letter of each byte of a token (RFC 9110, section 5.6.2); 0 for bytes that no token has. */
export const tokenBytes = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
  const small = character.charCodeAt(0)
  tokenBytes[small] = small
  tokenBytes[character.toUpperCase().charCodeAt(0)] = small
}

/**
 * 1 for the bytes of a target: visible ASCII. It is wider than RFC 3986, which clients are: browsers send `|` and
 * `^` as they are. What a path may have is decided where its escapes are.
 */
export const targetBytes = new Uint8Array(256).fill(1, 0x21, 0x7f)

/** 1 for the bytes of a field's value (RFC 9110, section 5.5): no control bytes but the tab. */
export const valueBytes = new Uint8Array(256).fill(1, 0x20, 0x7f).fill(1, 0x80)
valueBytes[HTAB] = 1

/** Whether bytes are a word of small letters, in letters of any size; `word` has as many bytes. */
export function equalsWord(bytes: Uint8Array, from: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) {
    if (tokenBytes[bytes[from + i]!] !== word[i]) return false
  }
  return true
}

/** The bytes of a word in ASCII. */
export function asciiBytes(word: string): Uint8Array {
  return Uint8Array.from(word, character => character.charCodeAt(0))
}

/** Whether a byte is space within a line (RFC 9110, section 5.6.3). */
export function isSpace(byte: number): boolean {
  return byte === SP || byte === HTAB
}
