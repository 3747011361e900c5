/** Copying from a stream or a descriptor to a stream or a descriptor, whichever each of the two is. */
import type { Readable, Writable } from 'node:stream'
import { DescriptorStream } from '../ends/descriptor-stream.js'
import type { Interruption } from '../interruption.js'
import { type CopyDone, type CopyRun, copyFile } from '../paths/copy.js'
import { copyStream } from '../paths/copy-stream.js'

/** So many bytes of a pipe, which come before those of the source. */
export interface Held {
  readonly fd: number
  readonly bytes: number
}

export interface CopyOrder {
  /** A descriptor must not wait, and is the transfer's own. */
  readonly from: Readable | number
  /** The stream to write to; a DescriptorStream is closed at the end. */
  readonly to: Writable
  /** What other paths have taken from the source and not delivered, the first first. */
  readonly held: readonly Held[]
  readonly onProgress: ((sentBytes: number) => void) | undefined
  readonly interruption: Interruption
}

/** Copies until the source ends. Never rejects; settles when nothing uses the descriptors any more. */
export async function copyAll({ from, to, held, onProgress, interruption }: CopyOrder): Promise<CopyDone> {
  let sentBytes = 0
  let error: unknown = null
  const run = async (begin: (report: (bytes: number) => void) => CopyRun): Promise<void> => {
    const before = sentBytes
    const copy = begin(bytes => onProgress?.(before + bytes))
    interruption.pass(reason => copy.interrupt(reason))
    const done = await copy.done
    sentBytes += done.sentBytes
    error = done.error
  }
  for (const { fd, bytes } of held) {
    if (bytes > 0 && error === null)
      await run(report => copyFile({ fd, start: null, length: bytes }, to, report))
  }
  if (error === null) {
    await run(report =>
      typeof from === 'number'
        ? copyFile({ fd: from, start: null, length: null }, to, report)
        : copyStream(from, to, report),
    )
  }
  if (!(to instanceof DescriptorStream)) return { error, sentBytes }
  await new Promise<void>(resolve => to.close(resolve))
  return { error, sentBytes: to.bytesWritten }
}
