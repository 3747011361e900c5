/** The files below a directory as answers: which file a target means, in which form, or why there is none. */
import { constants } from 'node:os'
import { isHidden, toDisplayName } from './byte-name.js'
import { fileReply } from './file-reply.js'
import { listingReply } from './listing.js'
import { NamedRoot } from './named-root.js'
import type { Opened } from './opened.js'
import { type Found, whenFound } from './opener.js'
import type { Question } from './question.js'
import { directoryLocation } from './redirect.js'
import { emptyReply, errnoReply, type Reply, statusOf, statusReply } from './reply.js'
import type { StaticPolicy } from './static-options.js'
import { parseTarget, type Target } from './target.js'
import { type Representation, Variants } from './variants.js'

/** Null where it is for whoever comes next. */
export type Answer = Reply | null

const allowed = 'GET, HEAD, OPTIONS'

/** Only restrains what no application needs of its own document: plug-ins, and another base for its links. */
const spaPolicy = "object-src 'none'; base-uri 'self'"

export class Site {
  readonly #root: NamedRoot
  readonly #policy: StaticPolicy
  readonly #variants: Variants

  /** @throws ERR_SLUICE_FILE where the root is not a directory that may be entered */
  constructor(root: string, policy: StaticPolicy) {
    this.#root = new NamedRoot(root, { follow: policy.follow })
    this.#policy = policy
    this.#variants = new Variants(this.#root)
  }

  close(): void {
    this.#root.close()
  }

  /** The answer; null where it is for whoever comes next. `passes`: whether there is one. */
  answer(question: Question, passes: boolean): Answer | Promise<Answer> {
    if (!question.isGetOrHead) return otherMethod(question, passes)
    const target = parseTarget(question.target)
    if (target === null) return refuse(passes, 400)
    if (!this.#policy.dotfiles && isHidden(target.name)) return refuse(passes, 404)
    if (target.directory) return this.#directory(question, target, passes)
    return whenFound<Found, Answer>(this.#root.open(target.name, question.purpose), found => {
      if (typeof found === 'number') return this.#notFound(question, target, passes, found)
      if (!found.isDirectory) return this.#file(question, target.name, found)
      found.close()
      return this.#directory(question, target, passes)
    })
  }

  /** A directory: under its path with a slash its index file or list, without the slash a redirection there. */
  #directory(question: Question, target: Target, passes: boolean): Answer | Promise<Answer> {
    const { originalTarget } = question
    if (!target.directory || (target.name === '' && originalTarget !== undefined)) {
      const location = directoryLocation(target, originalTarget)
      if (location !== null) return statusReply(301, { lines: ['Location', location] })
    }
    return this.#index(question, target, passes, 0)
  }

  #index(question: Question, target: Target, passes: boolean, position: number): Answer | Promise<Answer> {
    const index = this.#policy.index[position]
    if (index === undefined) return this.#list(question, target, passes)
    const name = target.name === '' ? index : `${target.name}/${index}`
    return whenFound<Found, Answer>(this.#root.open(name, question.purpose), found => {
      if (typeof found !== 'number' && !found.isDirectory) return this.#file(question, name, found)
      if (typeof found !== 'number') found.close()
      else if (statusOf(found) !== 404) return this.#notFound(question, target, passes, found)
      return this.#index(question, target, passes, position + 1)
    })
  }

  #list(question: Question, target: Target, passes: boolean): Answer | Promise<Answer> {
    const absent = -constants.errno.ENOENT
    if (!this.#policy.listing) return this.#notFound(question, target, passes, absent)
    return whenFound<Found, Answer>(this.#root.open(target.name, 'read'), found => {
      if (typeof found === 'number') return this.#notFound(question, target, passes, found)
      const { name } = target
      if (found.isDirectory) {
        return listingReply(this.#root, found, { name, dotfiles: this.#policy.dotfiles })
      }
      found.close()
      return this.#notFound(question, target, passes, absent)
    })
  }

  /** Takes over the file and answers with it or with a form of it. */
  #file(question: Question, name: string, found: Opened, lines: string[] = []): Answer | Promise<Answer> {
    const path = `${this.#root.path}/${toDisplayName(name)}`
    const send = (representation: Representation | null): Answer | Promise<Answer> => {
      if (representation === null) return statusReply(406, { lines: ['Vary', 'Accept-Encoding'] })
      // Not spread into a new object: that alone took 4 % of a request's time.
      return fileReply(question, { representation, name, path, lines }, this.#policy)
    }
    if (!this.#policy.precompressed) return send({ file: found, coding: null, varies: false })
    const acceptEncoding = question.header('accept-encoding')
    return whenFound(this.#variants.select(name, found, { purpose: question.purpose, acceptEncoding }), send)
  }

  /** What could not be opened: the application's own document where it may be one of its places, else an error. */
  #notFound(question: Question, target: Target, passes: boolean, errno: number): Answer | Promise<Answer> {
    const status = statusOf(errno)
    const { spa } = this.#policy
    // The last part of a place in an application has no dot; what has one is a file that is missing.
    const isPlace = !target.name.includes('.', target.name.lastIndexOf('/') + 1)
    if (status !== 404 || spa === null || !isPlace) return refuseErrno(passes, errno)
    return whenFound<Found, Answer>(this.#root.open(spa, question.purpose), found => {
      if (typeof found === 'number') return refuseErrno(passes, found)
      if (!found.isDirectory) {
        return this.#file(question, spa, found, ['Content-Security-Policy', spaPolicy])
      }
      found.close()
      return refuse(passes, 404)
    })
  }
}

function otherMethod(question: Question, passes: boolean): Answer {
  if (passes) return null
  if (question.method === 'OPTIONS') return emptyReply(204, ['Allow', allowed])
  return statusReply(405, { lines: ['Allow', allowed] })
}

/** Passes on what was asked wrongly, or is not here; what is wrong with this machine is answered. */
function refuse(passes: boolean, status: number): Answer {
  return passes && status < 500 ? null : statusReply(status)
}

function refuseErrno(passes: boolean, errno: number): Answer {
  return passes && statusOf(errno) < 500 ? null : errnoReply(errno)
}
