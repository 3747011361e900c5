/** What is asked, whatever server heard it: the part of a request that decides about the answer. */
import type { Opened, Purpose } from './opened.js'
import type { Policy } from './policy.js'

export interface Question {
  /** The method as it was sent. */
  readonly method: string
  readonly isHead: boolean
  /** HEAD is GET without the body. */
  readonly isGetOrHead: boolean
  /** The target, as it was sent or as a router left it. */
  readonly target: string
  /** The target before a router took a mount point away from it; undefined where there was none. */
  readonly originalTarget: string | undefined
  /** HEAD and conditional requests may well need no body: for them nothing is opened to be read. */
  readonly purpose: Purpose
  /** What an answer with a file has as its status: 200, unless the program has set another. */
  readonly status: number
  /** A header field's value; the name in lower case. */
  header(name: string): string | undefined
  /** What the program has set for the answer's head; undefined where it did not. */
  preset(name: string): string | undefined
  /** Lets the program have its say about a file's head, before it is made. */
  consult(policy: Policy, path: string, file: Opened): void
}

/** Opening to look suffices where the answer may well have no body. */
export function purposeOf(isHead: boolean, header: (name: string) => string | undefined): Purpose {
  const conditional = header('if-none-match') !== undefined || header('if-modified-since') !== undefined
  return isHead || conditional ? 'look' : 'read'
}
