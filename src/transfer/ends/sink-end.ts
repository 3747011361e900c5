/** One of several sinks, opened: what a branch needs to send to it, by reference or by copying. */
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { native } from '../../native/load.js'
import type { FileEnd } from '../paths/tee-file-branch.js'
import { appendsObstacle, obstacleOfSink } from '../plan/plan-several.js'
import type { Claim } from './claim.js'
import { holdDescriptor } from './descriptor-hold.js'
import { DescriptorStream } from './descriptor-stream.js'
import { type FileSink, type StreamTarget, sinkTarget } from './endpoints.js'
import type { Sink } from './ends.js'
import { type Identity, openSink } from './file-sink.js'
import { holdSocket, type SocketHold } from './socket-hold.js'

export interface SinkEnd {
  /** A socket or pipe that bytes can be spliced to. */
  readonly hold: SocketHold | null
  /** A file that bytes can be spliced to. */
  readonly file: FileEnd | null
  /** Why bytes can only be copied to it; empty where they need not. */
  readonly obstacle: string
  /** Which file it is, where it is one. */
  readonly identity: Identity | null
  /** Makes a file that is opened with flags `w` empty. */
  empty(): Promise<void>
  /** A stream to copy to; from now on `hold` and `file` must not be used. */
  writable(): Writable
  /** Gives all back, when nothing uses it any more. Once. */
  release(): Promise<void>
}

/**
 * Opens a file, or holds a socket when it is its transfer's turn; `copies` where bytes are to be copied to each sink.
 * A descriptor must be the claim's.
 *
 * @throws ERR_SLUICE_FILE, ERR_SLUICE_OPTION, ERR_SLUICE_SOCKET_CLOSED, ERR_SLUICE_PEER_CLOSED
 */
export async function openEnd(sink: Sink, claim: Claim | null, copies: boolean): Promise<SinkEnd> {
  if (sink.kind === 'file') return await openFileEnd(sink)
  const target = sinkTarget(sink)
  await new Promise<void>(resolve => claim!.turn.whenCome(resolve))
  const obstacle = obstacleOfSink(sink)
  const byReference = !copies && obstacle === ''
  if (typeof target === 'number') return descriptorEnd(target, obstacle, byReference)
  return streamEnd(target, obstacle, byReference ? await holdSocket(target as Socket) : null)
}

async function openFileEnd(sink: FileSink): Promise<SinkEnd> {
  const opened = await openSink(sink)
  const { fd, name, regular, appends, identity } = opened
  const position = regular && !appends ? (sink.start ?? 0) : null
  let stream: DescriptorStream | null = null
  return {
    hold: null,
    file: position === null ? null : { fd, name, position },
    obstacle: !regular ? 'it is not a regular file' : appends ? appendsObstacle : '',
    identity,
    empty: async () => void (await opened.empty()),
    writable() {
      stream = new DescriptorStream(fd, position)
      return stream
    },
    async release() {
      await closeStream(stream)
      await opened.close()
    },
  }
}

function descriptorEnd(fd: number, obstacle: string, byReference: boolean): SinkEnd {
  const hold = native === null ? null : holdDescriptor(native, fd)
  let stream: DescriptorStream | null = null
  return {
    hold: byReference ? hold : null,
    file: null,
    obstacle,
    identity: null,
    empty: nothing,
    writable() {
      stream = new DescriptorStream(fd)
      return stream
    },
    async release() {
      await closeStream(stream)
      hold?.release()
    },
  }
}

function streamEnd(target: StreamTarget, obstacle: string, hold: SocketHold | null): SinkEnd {
  let held = hold
  const letGo = (): void => {
    held?.release()
    held = null
  }
  return {
    hold,
    file: null,
    obstacle,
    identity: null,
    empty: nothing,
    writable() {
      letGo() // What is held is corked.
      return target
    },
    release: async () => letGo(),
  }
}

async function closeStream(stream: DescriptorStream | null): Promise<void> {
  if (stream !== null) await new Promise<void>(resolve => stream.close(resolve))
}

async function nothing(): Promise<void> {}
