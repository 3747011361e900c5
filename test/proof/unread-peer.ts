/**
 * A connection whose peer has next to no room and does not read: what is sent stays in the sender's queue. There
 * MSG_ZEROCOPY refers to the sender's pages also on one machine; it is the way into the receiver's queue that copies
 * (skb_orphan_frags_rx() in the kernel).
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { constants } from 'node:os'
import { native } from '#sluice/native/load.js'
import { eventually, pause } from '../support/eventually.js'
import type { Ending } from '../support/sockets.js'

/** asm-generic/socket.h */
const SO_RCVBUF = 8
/** The least that there is is about half of it, socket(7). */
const roomBytes = 4096
const localhost = 0x7f000001

export interface UnreadPeer {
  /** The end to send on. */
  readonly socket: Socket
  /** Reads so many bytes. */
  take(count: number): Promise<Buffer>
}

export async function unreadPeer(t: Ending): Promise<UnreadPeer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const fd = native!.socket(native!.AF_INET, native!.SOCK_STREAM | native!.SOCK_CLOEXEC, 0)
  // Before it is connected: the room is told to the other side then.
  assert.equal(native!.setsockoptInt(fd, native!.SOL_SOCKET, SO_RCVBUF, roomBytes), 0)
  const accepted = once(server, 'connection')
  assert.equal(native!.connectIpv4(fd, localhost, (server.address() as { port: number }).port), 0)
  const [socket] = (await accepted) as [Socket]
  t.after(() => {
    socket.destroy()
    server.close()
    native!.close(fd)
  })
  return { socket, take: count => take(fd, count) }
}

/** Waits until a transfer has handed over so many bytes, which it tells by the function. */
export function handedOver(count: number): { onProgress: (bytes: number) => void; all: Promise<void> } {
  let sent = 0
  return {
    onProgress: bytes => {
      sent = bytes
    },
    get all() {
      return eventually(
        () => sent === count,
        () => `${sent} bytes of ${count} were taken`,
      )
    },
  }
}

async function take(fd: number, count: number): Promise<Buffer> {
  const bytes = Buffer.alloc(count)
  let taken = 0
  while (taken < count) {
    const result = native!.recv(fd, bytes.subarray(taken), native!.MSG_DONTWAIT)
    if (result > 0) taken += result
    else if (result === -constants.errno.EAGAIN) await pause(1)
    else assert.fail(`recv gave ${result} after ${taken} bytes`)
  }
  return bytes
}
