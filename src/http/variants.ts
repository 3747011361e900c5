/**
 * Which of a file's forms to send: the file, or one that was compressed beforehand and lies next to it, such as
 * `app.js.br`. It is for whoever makes the files to make them anew together.
 */
import { constants } from 'node:os'
import { type Accepted, acceptedCodings, type Coding, codings } from './encoding.js'
import type { Opened, Purpose } from './opened.js'
import { type Found, type Opener, whenFound } from './opener.js'

/** What is to be sent. */
export interface Representation {
  readonly file: Opened
  /** The coding it is in; null for the file as it is. */
  readonly coding: Coding | null
  /** Whether another client could get another form, so that caches must know (Vary). */
  readonly varies: boolean
}

/** How long a file that has no other forms is taken to have none, so that not every request looks for three names. */
const absentMs = 100
const rememberedMax = 1024

export class Variants {
  readonly #opener: Opener
  /** By name: until when, in milliseconds of Date.now(), the file has no other forms. */
  readonly #absentUntil = new Map<string, number>()

  constructor(opener: Opener) {
    this.#opener = opener
  }

  /**
   * Takes over `identity`, the file of this name, and gives what is to be sent instead, or the same; null, with
   * nothing left open, where the client accepts none of the forms there are.
   */
  select(
    name: string,
    identity: Opened,
    { purpose, acceptEncoding }: { purpose: Purpose; acceptEncoding: string | undefined },
  ): Representation | null | Promise<Representation | null> {
    const accepted = acceptedCodings(acceptEncoding)
    if ((this.#absentUntil.get(name) ?? 0) > Date.now()) return settle(identity, accepted, false)
    // Those that are not accepted are looked for as well: Vary depends on them.
    const order = [...accepted.codings, ...codings.filter(coding => !accepted.codings.includes(coding))]
    return this.#search({ name, identity, purpose, accepted, order, allAbsent: true }, 0)
  }

  #search(search: Search, index: number): Representation | null | Promise<Representation | null> {
    const { name, identity, purpose, accepted, order } = search
    const coding = order[index]
    if (coding === undefined) {
      if (search.allAbsent) this.#rememberAbsent(name)
      return settle(identity, accepted, false)
    }
    const wanted = index < accepted.codings.length
    return whenFound<Found, Representation | null>(
      this.#opener.open(name + coding.suffix, wanted ? purpose : 'look'),
      found => {
        if (typeof found === 'number') {
          if (found !== -constants.errno.ENOENT) search.allAbsent = false
        } else if (found.isDirectory) {
          search.allAbsent = false
          found.close()
        } else if (wanted) {
          identity.close()
          return { file: found, coding, varies: true }
        } else {
          found.close()
          return settle(identity, accepted, true)
        }
        return this.#search(search, index + 1)
      },
    )
  }

  #rememberAbsent(name: string): void {
    this.#absentUntil.delete(name)
    if (this.#absentUntil.size >= rememberedMax) {
      const [oldest] = this.#absentUntil.keys()
      this.#absentUntil.delete(oldest!)
    }
    this.#absentUntil.set(name, Date.now() + absentMs)
  }
}

interface Search {
  readonly name: string
  readonly identity: Opened
  readonly purpose: Purpose
  readonly accepted: Accepted
  /** The codings that are accepted, best first, then the others. */
  readonly order: readonly Coding[]
  allAbsent: boolean
}

function settle(file: Opened, accepted: Accepted, varies: boolean): Representation | null {
  if (accepted.identity) return { file, coding: null, varies }
  file.close()
  return null
}
