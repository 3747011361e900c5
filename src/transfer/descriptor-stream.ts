/** A stream over the descriptor of a socket, for copying where the addon cannot send on it. Does not close it. */
import { write } from 'node:fs'
import { Writable } from 'node:stream'

/** How long to wait when the socket is full: there is no addon, so nothing tells when it is not. */
const retryMs = 2

export function descriptorStream(fd: number): Writable {
  return new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, callback) {
      const attempt = (offset: number): void => {
        if (this.destroyed) return
        write(fd, chunk, offset, chunk.length - offset, null, (error, count) => {
          if (error?.code === 'EAGAIN') setTimeout(attempt, retryMs, offset)
          else if (error) callback(error)
          else if (offset + count < chunk.length) attempt(offset + count)
          else callback()
        })
      }
      attempt(0)
    },
  })
}
