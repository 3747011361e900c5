/** Where the bytes of the conformance tests go. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { native } from '#sluice/native/load.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import type { SinkLike } from '#sluice/transfer/ends/ends.js'
import { type Fifo, FifoReader, openFifo } from '../support/fifo.js'
import type { Ending, Peer, SocketKind } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { connected } from './connected.js'

export interface Sink {
  readonly to: SinkLike | readonly SinkLike[]
  /** Begins to read, if nobody did, and reads until there are so many bytes → all that came. */
  take(count: number): Promise<Buffer>
  /** Ends the stream from this side → all that came. */
  finish(): Promise<Buffer>
  /** The other side of a socket. */
  readonly peer?: Peer
}

export interface SinkKind {
  readonly name: string
  /** Takes only so much that nobody reads. */
  readonly stream: boolean
  /** `reading`: whether somebody reads from the start. */
  open(t: Ending, options?: { reading?: boolean }): Promise<Sink>
}

const socketSink = (kind: SocketKind): SinkKind => ({
  name: kind,
  stream: true,
  async open(t, { reading = true } = {}) {
    const { socket: near, peer } = await connected(t, kind, reading)
    near.on('error', () => {})
    return { to: socket(near), take: count => peer.take(count), finish: () => endOf(near, peer), peer }
  },
})

const pipeSink: SinkKind = {
  name: 'pipe',
  stream: true,
  async open(t, { reading = true } = {}) {
    const { fd, reader, end } = native === null ? openFifo(t, { reading }) : openPipe(t, reading)
    return {
      to: pipe(fd),
      take: count => reader.take(count),
      finish() {
        end()
        return reader.take()
      },
    }
  },
}

const fileSink: SinkKind = {
  name: 'file',
  stream: false,
  async open(t) {
    const path = join(temporaryFolder(t), 'sink.bin')
    const read = async (): Promise<Buffer> => readFileSync(path)
    return { to: file(path), take: read, finish: read }
  },
}

/** Two sockets, which must get the same. */
const severalSink: SinkKind = {
  name: 'several',
  stream: true,
  async open(t, options) {
    const sinks = [await sinkKinds.TCP.open(t, options), await sinkKinds.Unix.open(t, options)]
    const [first, second] = sinks as [Sink, Sink]
    const same = ([one, other]: [Buffer, Buffer]): Buffer => {
      const count = Math.min(one.length, other.length)
      assert.ok(one.subarray(0, count).equals(other.subarray(0, count)), 'every sink gets the same bytes')
      return one
    }
    return {
      to: [first.to as SinkLike, second.to as SinkLike],
      take: async count => same(await Promise.all([first.take(count), second.take(count)])),
      finish: async () => same(await Promise.all([first.finish(), second.finish()])),
    }
  },
}

export const sinkKinds = {
  TCP: socketSink('TCP'),
  Unix: socketSink('Unix'),
  pipe: pipeSink,
  file: fileSink,
  several: severalSink,
} as const

/** As openFifo(), and much faster. */
function openPipe(t: Ending, reading: boolean): Fifo {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  const [readFd, fd] = [...ends] as [number, number]
  const reader = new FifoReader(readFd, reading)
  let open = true
  const end = (): void => {
    if (open) native!.close(fd)
    open = false
  }
  t.after(() => {
    end()
    reader.close()
  })
  return { fd, reader, end }
}

function endOf(near: Socket, peer: Peer): Promise<Buffer> {
  near.end()
  return peer.take()
}
