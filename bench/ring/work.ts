/** How each step is done: so many times at once, timed, and then what makes it possible again, not timed. */
import { Socket } from 'node:net'
import { Region } from '#sluice/memory/region.js'
import { native as loaded } from '#sluice/native/load.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'
import { copiedBytes, messageBytes, type StepName } from './trial.js'

export interface Work {
  /** How many times run() does it. */
  readonly count: number
  run(): void | Promise<void>
  settle(): void
}

/** Enough that reading the clock is nothing. */
const descriptors = 4096
/** Less than a socket holds. */
const messages = 64

const native = loaded!
const handler = { onCompletion() {} }

export const works: Record<StepName, () => Work> = {
  prepare: () => preparing(false),
  'prepare + publish': () => preparing(true),
  submit() {
    const ring = openRing()
    return {
      count: descriptors,
      run: () => void ring.submit(),
      settle() {
        reapAll(ring)
        prepareNops(ring)
      },
    }
  },
  reap() {
    const ring = openRing()
    return {
      count: descriptors,
      run: () => reapAll(ring),
      settle() {
        prepareNops(ring)
        ring.wait(0)
      },
    }
  },
  'all of it'() {
    const ring = openRing()
    const memory = openMemory(ring)
    const [near, far] = openPair()
    const bytes = new Uint8Array(messageBytes * messages)
    return {
      count: messages,
      run() {
        for (let i = 0; i < messages; i++) ring.submissions.send(near, memory, 0, messageBytes, 0, i, 0)
        ring.wait(0)
        reapAll(ring)
      },
      settle: () => drain(far, bytes),
    }
  },
  send() {
    const [near, far] = openPair()
    const message = new Uint8Array(messageBytes)
    const bytes = new Uint8Array(messageBytes * messages)
    return {
      count: messages,
      run() {
        for (let i = 0; i < messages; i++) native.send(near, message, native.MSG_DONTWAIT)
      },
      settle: () => drain(far, bytes),
    }
  },
  'recv + send'() {
    const [supply, source] = openPair()
    const [sink, drainage] = openPair()
    const message = new Uint8Array(copiedBytes)
    const bytes = new Uint8Array(copiedBytes)
    const count = messages / 4
    return {
      count,
      run() {
        for (let i = 0; i < count; i++) {
          native.recv(source, bytes, native.MSG_DONTWAIT)
          native.send(sink, bytes, native.MSG_DONTWAIT)
        }
      },
      settle() {
        drain(drainage, message)
        for (let i = 0; i < count; i++) native.send(supply, message, native.MSG_DONTWAIT)
      },
    }
  },
  'socket.write'() {
    const [near, far] = openPair()
    const socket = new Socket({ fd: near, readable: false, writable: true })
    const message = Buffer.alloc(messageBytes)
    const bytes = new Uint8Array(messageBytes * messages)
    return {
      count: messages,
      run: () =>
        new Promise(resolve => {
          for (let i = 1; i < messages; i++) socket.write(message)
          socket.write(message, () => resolve())
        }),
      settle: () => drain(far, bytes),
    }
  },
}

/** Sends that are written down and never submitted: the same entries over and over. */
function preparing(publish: boolean): Work {
  const ring = openRing()
  const memory = openMemory(ring)
  const { submissions } = ring
  return {
    count: descriptors,
    run() {
      for (let i = 0; i < descriptors; i++) {
        submissions.send(-1, memory, 0, messageBytes, 0, i, 0)
        if (publish) submissions.publish()
      }
    },
    // To no descriptor: the kernel refuses each at once.
    settle() {
      ring.wait(0)
      reapAll(ring)
    },
  }
}

function openRing(): ThreadRing {
  return new ThreadRing({ entries: descriptors, completions: 2 * descriptors })
}

function openMemory(ring: ThreadRing) {
  return ring.use(new Region({ bytes: native.PAGE_BYTES }))
}

/** Two connected Unix sockets, neither of which waits. */
function openPair(): [number, number] {
  const { AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC } = native
  const pair = new Int32Array(2)
  const result = native.socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, pair)
  if (result < 0) throw new Error(`socketpair: ${result}`)
  return [pair[0]!, pair[1]!]
}

function prepareNops(ring: ThreadRing): void {
  for (let i = 0; i < descriptors; i++) ring.submissions.nop(i, 0)
}

function reapAll(ring: ThreadRing): void {
  while (ring.reap(handler) > 0);
}

function drain(fd: number, bytes: Uint8Array): void {
  while (native.recv(fd, bytes, native.MSG_DONTWAIT) > 0);
}
