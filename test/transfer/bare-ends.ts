/** Ends that are known by a descriptor only: what the tests of streams as sources feed, and read from. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { native } from '#sluice/native/load.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { type Ending, Peer } from '../support/sockets.js'

export const bareKinds = ['TCP', 'Unix', 'pipe'] as const
export type BareKind = (typeof bareKinds)[number]

export interface BareEnd {
  /** What is given to a transfer; it waits, as descriptors do. */
  readonly fd: number
  /** The other side. */
  readonly far: Socket
}

/** An end that bytes come from: what is written to `far` arrives there. */
export async function bareSource(t: Ending, kind: BareKind): Promise<BareEnd> {
  if (kind === 'TCP') return await tcpEnd(t)
  const [readFd, writeFd] = kind === 'pipe' ? pipeEnds() : unixEnds()
  return { fd: closed(t, readFd), far: overDescriptor(t, writeFd, kind === 'pipe' ? 'writable' : 'both') }
}

/** An end that bytes go to. */
export async function bareSink(t: Ending, kind: BareKind): Promise<BareEnd> {
  if (kind === 'TCP') return await tcpEnd(t)
  const [readFd, writeFd] = kind === 'pipe' ? pipeEnds() : unixEnds()
  return { fd: closed(t, writeFd), far: overDescriptor(t, readFd, kind === 'pipe' ? 'readable' : 'both') }
}

/** Reads until there are `count` bytes, or the end. */
export async function read(from: Socket, count = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  return await new Promise((resolve, reject) => {
    const finish = (): void => resolve(Buffer.concat(chunks))
    from.once('end', finish).once('error', reject)
    from.on('data', chunk => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= count) finish()
    })
    from.resume()
  })
}

/** Node reads nothing from the accepted side. */
async function tcpEnd(t: Ending): Promise<BareEnd> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = new Peer(t, server, { reading: false })
  const [near] = (await once(server, 'connection')) as [Socket]
  near.on('error', () => {})
  t.after(() => near.destroy())
  t.after(() => server.close())
  peer.socket.removeAllListeners('data')
  return { fd: descriptorOf(near), far: peer.socket }
}

function pipeEnds(): [number, number] {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  return [ends[0]!, ends[1]!]
}

function unixEnds(): [number, number] {
  const ends = new Int32Array(2)
  assert.equal(native!.socketpair(native!.AF_UNIX, native!.SOCK_STREAM | native!.SOCK_CLOEXEC, ends), 0)
  return [ends[0]!, ends[1]!]
}

function closed(t: Ending, fd: number): number {
  t.after(() => {
    try {
      closeSync(fd)
    } catch {
      // The test has closed it.
    }
  })
  return fd
}

function overDescriptor(t: Ending, fd: number, use: 'readable' | 'writable' | 'both'): Socket {
  const [readable, writable] = [use !== 'writable', use !== 'readable']
  const socket = new Socket({ fd, allowHalfOpen: true, readable, writable })
  socket.on('error', () => {})
  socket.pause()
  t.after(() => socket.destroy())
  return socket
}
