/** The options of `serveStatic`, checked once. */
import { SluiceError } from '../base/errors.js'
import { checkOneOf, show } from '../base/options.js'
import { toByteName } from './byte-name.js'
import type { SendFileResult } from './exchange.js'
import type { Request, Response } from './message.js'
import { checkBoolean, checkFunction, type FileOptions, type Policy, resolvePolicy } from './policy.js'

export interface StaticOptions extends FileOptions {
  /** Names of the file that stands for its directory, the first that is there; `index.html` if not given, false for none. */
  index?: string | readonly string[] | false | undefined
  /** Whether names that begin with a dot are served; `ignore`, as if they were not there, if not given. `.well-known` always is. */
  dotfiles?: 'ignore' | 'allow' | undefined
  /** Where symbolic links may lead: `inside` the root if not given, or anywhere. */
  symlinks?: 'inside' | 'anywhere' | undefined
  /** Whether a directory without an index file is answered with a list of what is in it. */
  listing?: boolean | undefined
  /** The document, below the root, for every path that is no file and has no dot in its last part; true for `index.html`. */
  spa?: boolean | string | undefined
  /** Whether what is not found, and other methods, go to `next()` where there is one; true if not given. */
  fallthrough?: boolean | undefined
  /** Called after every answer that was not passed on, with what came of it. */
  onSend?: ((result: SendFileResult, req: Request, res: Response) => void) | undefined
}

/** The options, checked and resolved. */
export interface StaticPolicy extends Policy {
  /** Byte strings. */
  readonly index: readonly string[]
  readonly dotfiles: boolean
  readonly follow: boolean
  readonly listing: boolean
  /** A byte string. */
  readonly spa: string | null
  readonly fallthrough: boolean
  readonly onSend: StaticOptions['onSend']
}

/** @throws ERR_SLUICE_OPTION where an option is not of its kind */
export function resolveStaticOptions(options: StaticOptions): StaticPolicy {
  const { index = 'index.html', dotfiles = 'ignore', symlinks = 'inside', spa = false, onSend } = options
  if (onSend !== undefined) checkFunction('onSend', onSend)
  const indexes = index === false ? [] : typeof index === 'string' ? [index] : index
  return {
    ...resolvePolicy(options),
    index: checkNames('index', indexes),
    dotfiles: checkOneOf('dotfiles', dotfiles, ['ignore', 'allow']) === 'allow',
    follow: checkOneOf('symlinks', symlinks, ['inside', 'anywhere']) === 'anywhere',
    listing: checkBoolean('listing', options.listing, false),
    spa: spa === false ? null : checkNames('spa', [spa === true ? 'index.html' : spa])[0]!,
    fallthrough: checkBoolean('fallthrough', options.fallthrough, true),
    onSend,
  }
}

function checkNames(option: string, names: readonly string[]): string[] {
  for (const name of names) {
    if (typeof name !== 'string' || name === '' || name.startsWith('/') || name.includes('\0')) {
      throw new SluiceError(
        'ERR_SLUICE_OPTION',
        `${option} must name a file below the root, not ${show(name)}`,
      )
    }
  }
  return names.map(toByteName)
}
