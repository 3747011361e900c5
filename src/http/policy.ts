/** How files are sent: the options that `serveStatic` and `sendFile` share, checked once. */
import { validateHeaderValue } from 'node:http'
import { SluiceError } from '../base/errors.js'
import { checkInteger, checkOneOf, show } from '../base/options.js'
import type { PathName } from '../transfer/plan/path.js'
import { sendPathNames } from '../transfer/plan/plan-send.js'
import type { Response } from './message.js'

/** What the functions among the options are told of a file. */
export interface FileStat {
  /** Bytes. */
  readonly size: number
  /** When it was changed last, in milliseconds since 1970. */
  readonly mtimeMs: number
}

export interface FileOptions {
  /** How long caches may use the file without asking, in seconds, as in Cache-Control; if not given, they ask every time (`no-cache`). */
  maxAge?: number | undefined
  /** Whether the file never changes under its name; caches then do not ask before `maxAge`, a year if not given, is over. */
  immutable?: boolean | undefined
  /** Cache-Control as a whole, for every file or made for each; false or nothing for none. It goes before `maxAge`. */
  cacheControl?: string | false | ((path: string, stat: FileStat) => string | null | undefined) | undefined
  /** Whether a `.br`, `.zst` or `.gz` next to the file is sent to those who accept it; true if not given. */
  precompressed?: boolean | undefined
  /**
   * Called before the head of every answer about a file, also 304, to set headers. What it sets of Content-Type and
   * Cache-Control is used instead of ours.
   */
  setHeaders?: ((res: Response, path: string, stat: FileStat) => void) | undefined
  /** The path that bytes take; the fastest that works if not given. */
  prefer?: PathName | undefined
}

/** The options, checked and resolved. */
export interface Policy {
  readonly cacheControl: string | null | ((path: string, stat: FileStat) => string | null | undefined)
  readonly precompressed: boolean
  readonly setHeaders: ((res: Response, path: string, stat: FileStat) => void) | null
  readonly prefer: PathName | undefined
}

const yearSeconds = 365 * 24 * 60 * 60

/** @throws ERR_SLUICE_OPTION where an option is not of its kind */
export function resolvePolicy(options: FileOptions): Policy {
  const { setHeaders, prefer } = options
  if (prefer !== undefined) checkOneOf('prefer', prefer, sendPathNames)
  if (setHeaders !== undefined) checkFunction('setHeaders', setHeaders)
  return {
    cacheControl: resolveCacheControl(options),
    precompressed: checkBoolean('precompressed', options.precompressed, true),
    setHeaders: setHeaders ?? null,
    prefer,
  }
}

export function checkBoolean(name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise
  if (typeof value === 'boolean') return value
  throw new SluiceError('ERR_SLUICE_OPTION', `${name} must be true or false, not ${show(value)}`)
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') {
    throw new SluiceError('ERR_SLUICE_OPTION', `${name} must be a function, not ${show(value)}`)
  }
}

function resolveCacheControl({ maxAge, immutable, cacheControl }: FileOptions): Policy['cacheControl'] {
  const forever = checkBoolean('immutable', immutable, false)
  // 2^31 - 1 is what caches must at least be able to hold (RFC 9111, section 1.2.2).
  if (maxAge !== undefined) checkInteger('maxAge', maxAge, { min: 0, max: 2 ** 31 - 1 })
  if (cacheControl === undefined) {
    if (forever) return `max-age=${maxAge ?? yearSeconds}, immutable`
    return maxAge === undefined ? 'no-cache' : `max-age=${maxAge}`
  }
  if (cacheControl === false) return null
  if (typeof cacheControl !== 'string') {
    checkFunction('cacheControl', cacheControl)
    return cacheControl
  }
  try {
    validateHeaderValue('Cache-Control', cacheControl)
  } catch (cause) {
    const what = `cacheControl cannot be sent in a header: ${show(cacheControl)}`
    throw new SluiceError('ERR_SLUICE_OPTION', what, { cause })
  }
  return cacheControl
}
