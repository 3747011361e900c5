/** Where the bytes of the conformance tests come from. */
import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { after } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import type { SourceLike } from '#sluice/transfer/ends/ends.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { bareSource } from '../transfer/bare-ends.js'
import { connected } from './connected.js'

export interface Source {
  readonly from: SourceLike | readonly SourceLike[]
  /** The far side of a stream. */
  readonly far?: Socket
}

export interface SourceKind {
  readonly name: string
  /** Bytes come as somebody sends them, until the end. */
  readonly stream: boolean
  readonly addonOnly?: boolean
  /** A source of these bytes; of a stream with its end, all sent. */
  open(t: Ending, bytes: Buffer): Promise<Source>
  /** A source of the bytes from `start` up to, not including, `end`. */
  openRange?(t: Ending, bytes: Buffer, start: number, end: number): Promise<Source>
  /** A stream that goes on. */
  openStream?(t: Ending): Promise<Source & { far: Socket }>
}

const fileSource: SourceKind = {
  name: 'file',
  stream: false,
  open: async (t, bytes) => ({ from: file(fileOf(t, bytes)) }),
  openRange: async (t, bytes, start, end) => ({ from: file(fileOf(t, bytes), { start, end: end - 1 }) }),
}

const leaseSource: SourceKind = {
  name: 'lease',
  stream: false,
  open: async (t, bytes) => ({ from: await leaseOf(t, bytes) }),
  openRange: async (t, bytes, start, end) => ({
    from: memory(await leaseOf(t, bytes), { start, end: end - 1 }),
  }),
}

const regionSource: SourceKind = {
  name: 'region',
  stream: false,
  open: async (t, bytes) => regionSource.openRange!(t, bytes, 0, bytes.length),
  async openRange(t, bytes, start, end) {
    const region = new Region({ bytes: 4 * MiB })
    t.after(() => region.close())
    region.bytes.set(bytes.subarray(0, region.bytes.length))
    const from = start === end ? new Uint8Array(0) : memory(region, { start, end: end - 1, stable: true })
    return { from }
  },
}

const bytesSource: SourceKind = {
  name: 'bytes',
  stream: false,
  open: async (_t, bytes) => ({ from: new Uint8Array(bytes) }),
  openRange: async (_t, bytes, start, end) => ({
    from: memory(new Uint8Array(bytes), { start, end: end - 1 }),
  }),
}

/** Memory, a file and memory again, each a third. */
const listSource: SourceKind = {
  name: 'list',
  stream: false,
  async open(t, bytes) {
    const [first, second] = [Math.floor(bytes.length / 3), Math.floor((2 * bytes.length) / 3)]
    const lease = await leaseOf(t, bytes.subarray(second))
    return { from: [bytes.subarray(0, first), file(fileOf(t, bytes.subarray(first, second))), lease] }
  },
}

const socketSource = (kind: 'TCP' | 'Unix'): SourceKind => ({
  name: kind,
  stream: true,
  async open(t, bytes) {
    const source = await this.openStream!(t)
    source.far.end(bytes)
    return source
  },
  async openStream(t) {
    const { socket: near, peer } = await connected(t, kind, true)
    near.allowHalfOpen = true
    near.on('error', () => {})
    return { from: socket(near), far: peer.socket }
  },
})

const pipeSource: SourceKind = {
  name: 'pipe',
  stream: true,
  addonOnly: true,
  async open(t, bytes) {
    const source = await this.openStream!(t)
    source.far.end(bytes)
    return source
  },
  async openStream(t) {
    const { fd, far } = await bareSource(t, 'pipe')
    return { from: pipe(fd), far }
  },
}

export const sourceKinds = {
  file: fileSource,
  lease: leaseSource,
  region: regionSource,
  bytes: bytesSource,
  list: listSource,
  TCP: socketSource('TCP'),
  Unix: socketSource('Unix'),
  pipe: pipeSource,
} as const

/** Of bytes that are used again and again: by these, the name of the file. */
const lasting = new Map<Uint8Array, string>()

/** Keeps the file of these bytes until all tests are over. */
export function keepFile(bytes: Buffer): void {
  lasting.set(bytes, fileOf({ after: (clean: unknown) => after(clean as () => void) }, bytes))
}

function fileOf(t: Ending, bytes: Uint8Array): string {
  const kept = lasting.get(bytes)
  if (kept !== undefined) return kept
  const path = join(temporaryFolder(t), 'source.bin')
  writeFileSync(path, bytes)
  return path
}

async function leaseOf(t: Ending, bytes: Uint8Array) {
  const pool = new Pool({ slots: 1, slotBytes: Math.max(1, bytes.length) })
  t.after(() => pool.close())
  const lease = await pool.take()
  lease.length = bytes.length
  lease.bytes.set(bytes)
  return lease
}
