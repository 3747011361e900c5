/** Transfers that meet one error, of the kernel or made up, and what came of them. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { SluiceError } from '#sluice/base/errors.js'
import { KiB, MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { TransferResult } from '#sluice/transfer/jobs/job.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { randomFile, sha256 } from '../support/contents.js'
import { eventually } from '../support/eventually.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { bareSink, bareSource, read } from './bare-ends.js'
import type { Errno } from './error-pages.js'

/** What a transfer came to: where it went well, every byte arrived. */
export type Outcome = Pick<TransferResult, 'path' | 'why'> | SluiceError

/** The addon's calls that the pages are about. */
export type Call = 'sendfile' | 'splice' | 'tee' | 'vmsplice' | 'writev' | 'sendViews' | 'pwriteOffload'

/** More than sockets and pipes hold. */
const large = 8 * MiB
const small = 64 * KiB

/** The first such call fails, without being made; of tee every one, as it is tried on empty pipes before. */
export function fail(t: TestContext, call: Call, errno: Errno): void {
  const real = native![call] as (...args: unknown[]) => unknown
  let calls = 0
  t.mock.method(native!, call, (...args: unknown[]) => {
    if (calls++ > 0 && call !== 'tee') return real(...args)
    return call === 'pwriteOffload' ? Promise.resolve(-constants.errno[errno]) : -constants.errno[errno]
  })
}

/** → whether the kernel has answered such a call with this error by now. */
export function watch(t: TestContext, call: Exclude<Call, 'pwriteOffload'>, errno: Errno): () => boolean {
  const real = native![call] as (...args: unknown[]) => unknown
  let seen = false
  t.mock.method(native!, call, (...args: unknown[]) => {
    const result = real(...args)
    if (result === -constants.errno[errno]) seen = true
    return result
  })
  return () => seen
}

export async function fileToSocket(t: TestContext): Promise<Outcome> {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file', small)
  const { socket: sink, peer } = await socketPair(t)
  return arrived(transfer(file(path), socket(sink), { prefer: 'sendfile' }), () => peer.take(small), bytes)
}

/** To a peer that reads only when the kernel has said that there is no room. */
export async function fileToFullSocket(t: TestContext): Promise<Outcome> {
  const full = watch(t, 'sendfile', 'EAGAIN')
  const { path, bytes } = randomFile(temporaryFolder(t), 'file', large)
  const { socket: sink, peer } = await socketPair(t, { reading: false })
  const sent = transfer(file(path), socket(sink), { prefer: 'sendfile' })
  return arrived(sent, () => once(full, () => peer.take(large)), bytes)
}

/** `flags`: how the sink is opened. */
export async function streamToFile(t: TestContext, flags?: 'a'): Promise<Outcome> {
  const { socket: source, peer } = await socketPair(t)
  const to = join(temporaryFolder(t), 'sink')
  peer.socket.end('some bytes')
  return await settled(transfer(socket(source), file(to, flags && { flags }), { prefer: 'splice' }))
}

export async function relayed(t: TestContext): Promise<Outcome> {
  const [source, sink] = [await bareSource(t, 'Unix'), await bareSink(t, 'Unix')]
  const bytes = randomBytes(small)
  source.far.end(bytes)
  const sent = transfer(socket(source.fd), socket(sink.fd), { prefer: 'splice' })
  return arrived(sent, () => read(sink.far, small), bytes)
}

export async function relayedToFullSocket(t: TestContext): Promise<Outcome> {
  const full = watch(t, 'splice', 'EAGAIN')
  const [source, sink] = [await bareSource(t, 'TCP'), await bareSink(t, 'TCP')]
  const bytes = randomBytes(large)
  source.far.end(bytes)
  const sent = transfer(socket(source.fd), socket(sink.fd), { prefer: 'splice' })
  return arrived(sent, () => once(full, () => read(sink.far, large)), bytes)
}

export async function teed(t: TestContext): Promise<Outcome> {
  const source = await bareSource(t, 'Unix')
  const [one, other] = [await socketPair(t), await socketPair(t)]
  const bytes = randomBytes(small)
  source.far.end(bytes)
  const sent = transfer(socket(source.fd), [socket(one.socket), socket(other.socket)], { prefer: 'tee' })
  return arrived(sent, () => other.peer.take(small), bytes)
}

/** More is sent until the pipe of the sink that does not read is full; then that reads too. */
export async function teedToFullPipe(t: TestContext): Promise<Outcome> {
  const full = watch(t, 'tee', 'EAGAIN')
  const source = await bareSource(t, 'Unix')
  const [quick, slow] = [
    await socketPair(t, { kind: 'Unix' }),
    await socketPair(t, { kind: 'Unix', reading: false }),
  ]
  const options = { prefer: 'tee', slowSinks: 'drop' } as const
  const sent = transfer(socket(source.fd), [socket(quick.socket), socket(slow.socket)], options)
  const chunks: Buffer[] = []
  while (!full()) {
    chunks.push(randomBytes(16 * KiB))
    source.far.write(chunks.at(-1)!)
    await eventually(
      () => quick.peer.bytes === chunks.length * 16 * KiB,
      () => 'the sink that reads did not get it',
    )
  }
  source.far.end()
  const bytes = Buffer.concat(chunks)
  const outcome = await arrived(sent, () => slow.peer.take(bytes.length), bytes)
  assert.equal(sha256(quick.peer.received), sha256(bytes))
  return outcome
}

/** To a pipe, `stable` memory by `vmsplice`, or any by `writev`. */
export async function memoryToPipe(t: TestContext, prefer: 'vmsplice' | 'writev'): Promise<Outcome> {
  return await throughPipe(t, prefer, small)
}

export async function memoryToFullPipe(t: TestContext, prefer: 'vmsplice' | 'writev'): Promise<Outcome> {
  return await throughPipe(t, prefer, 1 * MiB, watch(t, prefer, 'EAGAIN'))
}

async function throughPipe(
  t: TestContext,
  prefer: 'vmsplice' | 'writev',
  length: number,
  full = () => true,
): Promise<Outcome> {
  const region = new Region({ bytes: length })
  t.after(() => region.close())
  region.bytes.set(randomBytes(length))
  const sink = await bareSink(t, 'pipe')
  const sent = transfer(memory(region, { stable: true }), pipe(sink.fd), { prefer })
  return arrived(sent, () => once(full, () => read(sink.far, length)), region.bytes)
}

export async function memoryToSocket(t: TestContext): Promise<Outcome> {
  const { socket: sink, peer } = await socketPair(t)
  const bytes = randomBytes(small)
  return arrived(transfer(bytes, socket(sink), { prefer: 'writev' }), () => peer.take(small), bytes)
}

export async function memoryToFullSocket(t: TestContext): Promise<Outcome> {
  const full = watch(t, 'sendViews', 'EAGAIN')
  const { socket: sink, peer } = await socketPair(t, { reading: false })
  const bytes = randomBytes(large)
  const sent = transfer(bytes, socket(sink), { prefer: 'writev' })
  return arrived(sent, () => once(full, () => peer.take(large)), bytes)
}

export async function memoryToFile(t: TestContext, to: string | number): Promise<Outcome> {
  const sink = typeof to === 'string' && to !== '/dev/full' ? join(temporaryFolder(t), to) : to
  const flags = sink === '/dev/full' ? { flags: 'r+' as const } : {}
  return await settled(transfer(randomBytes(small), file(sink, flags), { prefer: 'writev' }))
}

/** The end of a pipe that is for reading is given as the sink; the pipe has bytes of others in it. */
export async function toReadingEnd(t: TestContext, prefer: 'sendfile' | 'splice' | 'vmsplice' | 'writev') {
  const { fd, far } = await bareSource(t, 'pipe')
  far.write('of others')
  const pool = new Pool({ slots: 1, slotBytes: small })
  t.after(() => pool.close())
  const lease = pool.tryTake()!
  const { path } = randomFile(temporaryFolder(t), 'file', small)
  const source = await bareSource(t, 'Unix')
  source.far.end('bytes')
  const from = { sendfile: file(path), splice: socket(source.fd), vmsplice: lease, writev: memory(lease) }
  return await settled(transfer(from[prefer], pipe(fd), { prefer }))
}

/** A pair of descriptors that are closed when the test is over. */
export function pipeEnds(t: TestContext): [reading: number, writing: number] {
  const ends = new Int32Array(2)
  assert.equal(native!.pipe2(ends, native!.O_CLOEXEC), 0)
  t.after(() => ends.forEach(fd => void closeSync(fd)))
  return [ends[0]!, ends[1]!]
}

export function socketEnds(t: TestContext): [number, number] {
  const ends = new Int32Array(2)
  assert.equal(native!.socketpair(native!.AF_UNIX, native!.SOCK_STREAM | native!.SOCK_CLOEXEC, ends), 0)
  t.after(() => ends.forEach(fd => void closeSync(fd)))
  return [ends[0]!, ends[1]!]
}

export async function settled(sent: Promise<Pick<TransferResult, 'path' | 'why'>>): Promise<Outcome> {
  return await sent.catch(error => {
    assert.ok(error instanceof SluiceError, String(error))
    return error
  })
}

async function arrived(
  sent: Promise<Pick<TransferResult, 'path' | 'why'>>,
  receive: () => Promise<Uint8Array>,
  bytes: Uint8Array,
): Promise<Outcome> {
  const received = receive()
  // Where it fails, not all comes; nobody waits for the rest then.
  received.catch(() => {})
  const outcome = await settled(sent)
  if (!(outcome instanceof SluiceError)) assert.equal(sha256(await received), sha256(bytes))
  return outcome
}

/** Receives once the kernel has said it. */
async function once(said: () => boolean, receive: () => Promise<Buffer>): Promise<Buffer> {
  await eventually(said, () => 'the kernel did not say that there is no room')
  return await receive()
}
