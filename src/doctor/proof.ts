/**
 * The proof of zero-copy: the source holds A when it is moved to a socket, and B before the peer reads. What the
 * peer gets tells whether it was given the source's own pages.
 */
import { writeSync } from 'node:fs'
import type { Finding } from './probe.js'
import { attempt, isRefusal } from './refusal.js'
import type { Proof } from './report.js'
import type { Connection, Workbench } from './workbench.js'

const before = 0x41
const after = 0x42

/** Bytes that can be moved, and changed where they are. */
export interface Source {
  /** How many bytes a move takes: one page. */
  readonly length: number
  change(bytes: Uint8Array): void
}

export interface FileSource extends Source {
  readonly fd: number
}

export interface MemorySource extends Source {
  readonly bytes: Uint8Array
}

/** A file in memory. @throws Refusal */
export function memfdSource(bench: Workbench): FileSource {
  return changeable(bench.memfd(page(bench, before)), bench)
}

/** A file of the temporary directory's filesystem, in the page cache. @throws Refusal */
export function pageCacheSource(bench: Workbench): FileSource {
  return changeable(bench.temporaryFile(page(bench, before)), bench)
}

/** Whichever file can be had: a sandbox may allow one of them only. @throws Refusal */
export function anyFileSource(bench: Workbench): FileSource {
  try {
    return memfdSource(bench)
  } catch (error) {
    if (!isRefusal(error)) throw error
    return pageCacheSource(bench)
  }
}

function changeable(fd: number, bench: Workbench): FileSource {
  return { fd, length: bench.native.PAGE_BYTES, change: bytes => writeSync(fd, bytes, 0, bytes.length, 0) }
}

/** The process's own memory. V8 does not move what is as large as this. */
export function memorySource(bench: Workbench): MemorySource {
  const bytes = page(bench, before)
  return { bytes, length: bytes.length, change: changed => bytes.set(changed) }
}

/** A file's page cache as memory. @throws Refusal */
export function mappedSource(bench: Workbench): MemorySource {
  const { fd, length } = anyFileSource(bench)
  const bytes = bench.map(fd, 0, length, bench.native.PROT_READ | bench.native.PROT_WRITE)
  return { bytes, length, change: changed => bytes.set(changed) }
}

/**
 * Moves the source to a socket, changes it, and lets the peer read.
 *
 * @throws Refusal; an Error where the peer gets bytes that were in the source at no time
 */
export async function prove(
  bench: Workbench,
  { sender, receiver }: Connection,
  source: Source,
  move: (socket: number) => number,
): Promise<Proof> {
  const moved = move(sender)
  source.change(page(bench, after))
  const seen = await bench.receive(receiver, moved)
  if (seen.every(byte => byte === after)) return 'by reference'
  if (seen.every(byte => byte === before || byte === after)) return 'copied'
  throw new Error('the peer got other bytes than were sent')
}

/** Proves a way that hands the source's pages over: ready where it does, limited where it copies. */
export function findingOf(proof: Proof, byReference: string): Finding {
  if (proof === 'by reference') return { status: 'ready', reason: byReference, proof }
  return {
    status: 'limited',
    reason: 'it works, but this kernel copies the bytes',
    remedy: 'nothing is broken: sluice measures what the copy costs and chooses by that',
    proof,
  }
}

/** Splices a page out of a pipe into a socket. @throws Refusal */
export function drain(bench: Workbench, output: number, socket: number, length: number): number {
  const { native } = bench
  return attempt('splice', native.splice(output, null, socket, null, length, native.SPLICE_F_NONBLOCK))
}

function page(bench: Workbench, byte: number): Uint8Array {
  return new Uint8Array(bench.native.PAGE_BYTES).fill(byte)
}
