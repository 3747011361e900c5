/** Where a name leads: to what is said of it exactly, else of the longest `*.` above it, as nginx's maps of names do. */
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { isHost } from './address.js'

const wildcard = '*.'

/**
 * A name in small letters, or one with `*.` before it.
 *
 * @throws ERR_SLUICE_OPTION
 */
export function checkRouteName(option: string, name: string): string {
  const lower = name.toLowerCase()
  const plain = lower.startsWith(wildcard) ? lower.slice(wildcard.length) : lower
  if (isHost(plain) && !plain.endsWith('.')) return lower
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${option} must be a name such as a.example.org or *.example.org, not ${show(name)}`,
  )
}

/** `*.example.org` stands for all that is below it at any depth, and not for example.org itself. */
export class NameRoutes<Where> {
  readonly #exact = new Map<string, Where>()
  readonly #below = new Map<string, Where>()

  constructor(routes: Iterable<readonly [string, Where]>) {
    for (const [name, where] of routes) {
      if (name.startsWith(wildcard)) this.#below.set(name.slice(wildcard.length), where)
      else this.#exact.set(name, where)
    }
  }

  /** `name` in small letters → null where no route is its. */
  find(name: string): Where | null {
    const exact = this.#exact.get(name)
    if (exact !== undefined) return exact
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const found = this.#below.get(name.slice(dot + 1))
      if (found !== undefined) return found
    }
    return null
  }
}
