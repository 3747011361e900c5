/** Which wire a thread runs on: the ring where it was asked for or the machine allows it, else the epoll set. */
import { SluiceError } from '../base/errors.js'
import type { Region } from '../memory/region.js'
import type { Native } from '../native/calls.js'
import { ThreadRing } from '../ring/thread-ring.js'
import type { ConnectionTable } from './connection-table.js'
import type { ServerSettings } from './options.js'
import { PollWire } from './poll-wire.js'
import { RingWire } from './ring-wire.js'
import type { ThreadWire } from './thread-wire.js'

/**
 * Buffers that all connections receive into: each is in use for as long as its bytes are parsed. The kernel takes them
 * by turns, so few of them stay in the processor's caches, if they do not all begin in the same set of one.
 */
const buffersCount = 256
const bufferBytes = 4096 + 64

export interface WireParts {
  native: Native
  /** The server's memory. */
  region: Region
  listener: number
  table: ConnectionTable
  connectionsMax: number
}

export interface OpenWire {
  readonly wire: ThreadWire
  /** Why it is not the ring, where that was not asked for; empty where it is. */
  readonly ringMissing: string
}

/** @throws ERR_SLUICE_RING where the ring was asked for and is refused; ERR_SLUICE_MEMORY, ERR_SLUICE_DESCRIPTORS */
export function openWire(parts: WireParts, engine: ServerSettings['engine']): OpenWire {
  if (engine === 'poll') return { wire: openPoll(parts), ringMissing: 'the poll engine was asked for' }
  try {
    return { wire: openRing(parts), ringMissing: '' }
  } catch (error) {
    if (engine === 'ring' || !(error instanceof SluiceError)) throw error
    return { wire: openPoll(parts), ringMissing: error.message }
  }
}

function openRing({ native, region, listener, table, connectionsMax }: WireParts): RingWire {
  const ring = new ThreadRing({ entries: 2048, completions: 8192 })
  try {
    return new RingWire({
      native,
      ring,
      buffers: ring.provideBuffers({ group: 0, count: buffersCount, bufferBytes }),
      memory: ring.use(region),
      listener,
      loop: native.loopDescriptor(),
      table,
      connectionsMax,
    })
  } catch (error) {
    void ring.close()
    throw error
  }
}

function openPoll({ native, listener, table, connectionsMax }: WireParts): PollWire {
  return new PollWire({ native, listener, loop: native.loopDescriptor(), table, connectionsMax })
}
