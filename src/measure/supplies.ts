/** What bytes come from in an experiment: each is made ready before the clock starts. */
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { MiB } from '../base/units.js'
import { pageBytes } from '../memory/backing.js'
import type { Lease } from '../memory/lease.js'
import { Pool } from '../memory/pool.js'
import { Region } from '../memory/region.js'
import { file, pipe, socket } from '../transfer/ends/endpoints.js'
import type { SourceLike } from '../transfer/ends/ends.js'
import { memory } from '../transfer/ends/memory-source.js'
import { type Laboratory, nameForPeer } from './laboratory.js'

export interface Supply {
  /** How many sources can be ready at once. */
  readonly countMax: number
  /** Makes so many sources of so many bytes ready → what gives the next of them. */
  prepare(bytes: number, count: number): Promise<() => SourceLike>
  /** Puts away what was made ready, used or not. */
  clear(): void
}

/** Sources that are there for as many transfers as anybody wants. */
const countEndless = 512
/** Each is a connection or a pipe of its own, as its end is the end of the transfer. */
const countOfStreams = 16

/** A file in the page cache, open. */
export async function fileSupply(lab: Laboratory): Promise<Supply> {
  const handle = await open(lab.name(), 'wx+', 0o600)
  lab.atEnd(() => handle.close())
  let sizeBytes = 0
  return {
    countMax: countEndless,
    async prepare(bytes) {
      if (sizeBytes < bytes) await writeUntil(handle, sizeBytes, bytes)
      sizeBytes = Math.max(sizeBytes, bytes)
      return () => file(handle, { end: bytes - 1 })
    },
    clear() {},
  }
}

const chunk = Buffer.alloc(1 * MiB, 'sluice')

async function writeUntil(handle: FileHandle, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += chunk.length) {
    await handle.write(chunk, 0, Math.min(chunk.length, to - at), at)
  }
}

/** TCP connections over loopback on which the bytes and then the end arrive. */
export async function socketSupply(lab: Laboratory): Promise<Supply> {
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  lab.atEnd(() => server.close())
  const ready: Socket[] = []
  const made: Socket[] = []
  let onReady: (() => void) | null = null
  server.on('connection', connection => {
    made.push(connection)
    ready.push(connection.on('error', () => {}))
    onReady?.()
  })
  return {
    countMax: countOfStreams,
    async prepare(bytes, count) {
      const { port } = server.address() as AddressInfo
      const all = new Promise<void>(resolve => {
        onReady = () => ready.length >= count && resolve()
      })
      await Promise.all([all, lab.peer.ask({ ask: 'write-sockets', port, count, bytes })])
      return () => socket(ready.shift()!)
    },
    clear() {
      for (const connection of made.splice(0)) connection.destroy()
      ready.length = 0
    },
  }
}

/** Pipes through which the bytes and then the end come. */
export async function pipeSupply(lab: Laboratory): Promise<Supply> {
  const made: number[] = []
  const clear = (): void => {
    for (const fd of made.splice(0)) closeSync(fd)
  }
  lab.atEnd(clear)
  return {
    countMax: countOfStreams,
    async prepare(bytes, count) {
      const pipes = Array.from({ length: count }, () => lab.pipe())
      made.push(...pipes.map(({ output }) => output))
      try {
        const paths = pipes.map(({ input }) => nameForPeer(input))
        await lab.peer.ask({ ask: 'write-pipes', paths, bytes })
      } finally {
        for (const { input } of pipes) closeSync(input)
      }
      let next = 0
      return () => pipe(pipes[next++]!.output)
    },
    clear,
  }
}

/**
 * A pool's slot, which the program touches before each transfer, as it would to fill it: where a path gives the slot
 * other pages, what it costs to map them again belongs to the path.
 */
export async function memorySupply(lab: Laboratory): Promise<Supply> {
  const pools = new Map<number, Pool>()
  let taken: Lease | null = null
  lab.atEnd(() => Promise.all([...pools.values()].map(pool => pool.close())))
  return {
    countMax: countEndless,
    async prepare(bytes) {
      const pool = pools.get(bytes) ?? new Pool({ slots: 1, slotBytes: bytes })
      if (!pools.has(bytes)) {
        pools.set(bytes, pool)
        touched(pool).release()
      }
      return () => {
        taken = touched(pool)
        return taken
      }
    },
    clear() {
      try {
        taken?.release()
      } catch {
        // The transfer has given it back, as it should, or still has it.
      }
    },
  }
}

function touched(pool: Pool): Lease {
  const lease = pool.tryTake()
  if (lease === null) throw new Error('a transfer has ended and not given its slot back')
  touch(lease.bytes)
  return lease
}

/** Memory that was never written to has no pages yet. */
function touch(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i += pageBytes) bytes[i] = i
}

/** A region whose bytes never change again. */
export async function regionSupply(lab: Laboratory): Promise<Supply> {
  const regions = new Map<number, Region>()
  lab.atEnd(() => Promise.all([...regions.values()].map(region => region.close())))
  return {
    countMax: countEndless,
    async prepare(bytes) {
      const region = regions.get(bytes) ?? new Region({ bytes })
      if (!regions.has(bytes)) {
        regions.set(bytes, region)
        touch(region.bytes)
      }
      return () => memory(region, { end: bytes - 1, stable: true })
    },
    clear() {},
  }
}
