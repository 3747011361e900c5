/** One thread of a file server: its connections, its cache, its counters, and what they run on. */
import { whenFound } from '../http/opener.js'
import type { Reply } from '../http/reply.js'
import { Site } from '../http/site.js'
import { resolveStaticOptions } from '../http/static-options.js'
import { Region } from '../memory/region.js'
import type { Native } from '../native/calls.js'
import { AccessLog } from './access-log.js'
import { Arena } from './arena.js'
import { Clock } from './clock.js'
import { ConnectionTable } from './connection-table.js'
import type { Counters } from './counters.js'
import type { ConnectionLimits, Host } from './host.js'
import type { NativeQuestion } from './native-question.js'
import { openWire } from './open-wire.js'
import type { ServerSettings } from './options.js'
import { Parsers } from './parsers.js'
import { ResponseCache } from './response-cache.js'
import type { ThreadWire } from './thread-wire.js'

const answersMax = 8192
/** Far below what a process may have open, which connections need. */
const filesMax = 512
/** How long a thread waits at most before Node's loop has its turn: it has timers, of which its descriptor tells nothing. */
const waitMs = 250

export class ServerThread implements Host {
  readonly native: Native
  readonly clock = new Clock()
  readonly limits: ConnectionLimits
  readonly wire: ThreadWire
  /** Why the wire is not the ring, where it was not asked for; empty where it is. */
  readonly ringMissing: string
  readonly parsers: Parsers
  readonly arena: Arena
  readonly cache: ResponseCache
  readonly counters: Counters
  readonly log: AccessLog | null
  draining = false
  readonly #site: Site
  readonly #region: Region
  readonly #table = new ConnectionTable()
  readonly #listener: number
  #loopWanted = false
  #drained: (() => void) | null = null

  constructor(native: Native, listener: number, settings: ServerSettings, counters: Counters) {
    this.native = native
    this.limits = settings.limits
    this.counters = counters
    this.parsers = new Parsers({ headBytesMax: settings.headBytesMax })
    this.#listener = listener
    this.#site = new Site(settings.root, resolveStaticOptions(settings.site))
    this.#region = new Region({ bytes: settings.cacheBytes, name: 'sluice-answers' })
    this.arena = new Arena(this.#region)
    this.cache = new ResponseCache(native, this.arena, this.clock, {
      answersMax,
      filesMax,
      fileBytesMax: settings.cachedFileBytes,
    })
    this.log = settings.log === -1 ? null : new AccessLog(native, this.clock, counters, settings.log)
    const parts = {
      native,
      region: this.#region,
      listener,
      table: this.#table,
      connectionsMax: settings.connectionsMax,
    }
    const { wire, ringMissing } = openWire(parts, settings.engine)
    this.wire = wire
    this.ringMissing = ringMissing
  }

  get engine(): 'ring' | 'poll' {
    return this.wire.name
  }

  answer(question: NativeQuestion): Reply | Promise<Reply> {
    const answer = this.#site.answer(question, false)
    // What waits for a disk goes on in Node's loop.
    if (answer instanceof Promise) this.#loopWanted = true
    return whenFound(answer, reply => reply!)
  }

  /** Serves from now on. */
  begin(): void {
    this.wire.begin(this)
    setImmediate(this.#run)
  }

  /** Accepts no more; resolves when the last connection has ended. */
  drain(): Promise<void> {
    this.draining = true
    this.wire.stopAccepting()
    // Whoever comes now is refused by the kernel, and may try the server that comes after this one.
    this.native.shutdown(this.#listener, this.native.SHUT_RDWR)
    this.#table.forEach(connection => void connection.drain())
    return new Promise(resolve => {
      this.#drained = resolve
    })
  }

  /** Ends every connection → how many of them were being answered. */
  cutOff(): number {
    let count = 0
    this.#table.forEach(connection => {
      if (connection.cutOff()) count++
    })
    return count
  }

  async close(): Promise<void> {
    this.log?.flush()
    this.cache.clear()
    await this.wire.end()
    this.native.close(this.#listener)
    this.#site.close()
    await this.#region.close()
  }

  get #isDrained(): boolean {
    return this.#drained !== null && this.#table.count === 0
  }

  /** Waits for the kernel and does what there is to do, until Node's loop is wanted. */
  readonly #run = (): void => {
    if (this.#isDrained) return this.#drained!()
    const { wire } = this
    const loopAtMs = this.clock.nowMs + waitMs
    do {
      wire.wait(waitMs)
      this.clock.tick()
      wire.react()
    } while (!wire.loopReady && !this.#loopWanted && !this.#isDrained && this.clock.nowMs < loopAtMs)
    this.log?.flush()
    this.cache.sweep()
    this.#loopWanted = false
    if (wire.loopReady) wire.watchLoop()
    setImmediate(this.#run)
  }
}
