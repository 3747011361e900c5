/** What the connections of one thread share. */
import type { Reply } from '../http/reply.js'
import type { Native } from '../native/calls.js'
import type { AccessLog } from './access-log.js'
import type { Arena } from './arena.js'
import type { Clock } from './clock.js'
import type { Counters } from './counters.js'
import type { NativeQuestion } from './native-question.js'
import type { Parsers } from './parsers.js'
import type { ResponseCache } from './response-cache.js'
import type { Wire } from './wire.js'

/** All times in milliseconds. */
export interface ConnectionLimits {
  /** From a head's first byte to its last, and from the connection's beginning to the first byte. */
  headMs: number
  /** Between an answer and the next request. */
  idleMs: number
  /** In which a client that is being sent to must take something. */
  stallMs: number
  /** In which the peer must end its side after this side has ended. */
  lingerMs: number
  /** What a client may have sent ahead before no more is received, in bytes. */
  heldBytesMax: number
}

export interface Host {
  readonly native: Native
  readonly clock: Clock
  readonly limits: ConnectionLimits
  readonly wire: Wire
  readonly parsers: Parsers
  readonly arena: Arena
  readonly cache: ResponseCache
  readonly counters: Counters
  /** Null where no log is kept. */
  readonly log: AccessLog | null
  /** Whether the server is ending: connections close after their answer. */
  readonly draining: boolean
  answer(question: NativeQuestion): Reply | Promise<Reply>
}
