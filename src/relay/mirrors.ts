/** The mirrors of connections: a file or a connection for each direction that is duplicated. */
import type { Engine } from '../engine/engine.js'
import type { Native } from '../native/calls.js'
import { type FileSink, file } from '../transfer/ends/endpoints.js'
import { Connector } from './connector.js'
import { MIRRORED, MIRRORS_DROPPED, type ProxyCounterRow } from './counters.js'
import type { Mirror, MirrorEnd } from './mirrored-direction.js'
import { msMax } from './number-options.js'
import type { MirrorSettings } from './options.js'
import { isShortage } from './shortage.js'
import { addressFor, domainOf } from './socket-ends.js'
import type { Upstream } from './upstream.js'
import type { UpstreamGroup, Waiter } from './upstreams.js'

export interface ConnectionMirrors {
  readonly toUpstream: Mirror | null
  readonly toClient: Mirror | null
}

export const noMirrors: ConnectionMirrors = { toUpstream: null, toClient: null }

export class Mirrors {
  readonly #native: Native
  readonly #engine: Engine
  readonly #row: ProxyCounterRow
  /** Connections that were mirrored to a file: the first has the name that was given, others a number behind it. */
  #files = 0

  constructor(native: Native, engine: Engine, row: ProxyCounterRow) {
    this.#native = native
    this.#engine = engine
    this.#row = row
  }

  /** Opens what a connection is mirrored to; a mirror that cannot be had counts as dropped. */
  async open(
    { to, slow, of }: MirrorSettings,
    group: UpstreamGroup | null,
    connectMs: number,
  ): Promise<ConnectionMirrors> {
    if (to.kind === 'file') {
      this.#files++
      const name = this.#files === 1 ? to.path : `${to.path}.${this.#files}`
      const toUpstream = this.#mirror(fileFor(name), slow, () => {})
      return {
        toUpstream,
        toClient: of === 'both' ? this.#mirror(fileFor(`${name}.answers`), slow, () => {}) : null,
      }
    }
    const [toUpstream, toClient] = await Promise.all([
      this.#connect(group!, slow, connectMs),
      of === 'both' ? this.#connect(group!, slow, connectMs) : null,
    ])
    return { toUpstream, toClient }
  }

  #connect(group: UpstreamGroup, slow: MirrorSettings['slow'], connectMs: number): Promise<Mirror | null> {
    return new Promise(resolve => {
      const connectTo = (upstream: Upstream): void => {
        const { address } = upstream
        const end = { address: addressFor(this.#native, address), domain: domainOf(this.#native, address) }
        const connector = new Connector(this.#native, this.#engine, end, fd => {
          clearTimeout(timer)
          if (fd < 0) {
            if (!isShortage(fd)) upstream.failed('it could not be connected to')
            upstream.release()
            this.#row[MIRRORS_DROPPED]! += 1
            return resolve(null)
          }
          upstream.connected()
          resolve(
            this.#mirror(fd, slow, () => {
              this.#native.close(fd)
              upstream.release()
            }),
          )
        })
        const timer = setTimeout(() => connector.cancel(), Math.min(connectMs, msMax))
        connector.begin()
      }
      const waiter: Waiter = {
        client: '',
        tried: [],
        placeFound: connectTo,
        placeRefused: () => {
          this.#row[MIRRORS_DROPPED]! += 1
          resolve(null)
        },
      }
      const picked = group.pick(waiter)
      if (picked === 'no upstream' || picked === 'queue full') waiter.placeRefused('no upstream')
      else if (picked !== 'queued') connectTo(picked)
    })
  }

  #mirror(sink: Mirror['sink'], slow: MirrorSettings['slow'], close: () => void): Mirror {
    return {
      sink,
      slow,
      onEnd: ({ bytes, why }: MirrorEnd) => {
        this.#row[MIRRORED]! += bytes
        if (why !== '') this.#row[MIRRORS_DROPPED]! += 1
        close()
      },
    }
  }
}

/** What others said to each other is nobody else's to read. */
function fileFor(name: string): FileSink {
  return file(name, { mode: 0o600 })
}
