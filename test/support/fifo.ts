/** A named pipe: one end to write to, the other read at will. Works without the addon. */
import { spawnSync } from 'node:child_process'
import { closeSync, constants as fsConstants, openSync, readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { Ending } from './sockets.js'
import { temporaryFolder } from './temporary.js'

export interface Fifo {
  /** The end that is written to, without O_NONBLOCK. */
  readonly fd: number
  readonly reader: FifoReader
  /** Ends the writing, as far as this descriptor goes. */
  end(): void
}

export function openFifo(t: Ending, { reading = true }: { reading?: boolean } = {}): Fifo {
  const path = join(temporaryFolder(t), 'fifo')
  const { status, stderr } = spawnSync('mkfifo', [path], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`mkfifo: ${stderr}`)
  // Reading first, and without waiting for a writer.
  const readFd = openSync(path, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK)
  const reader = new FifoReader(readFd, reading)
  const fd = openSync(path, 'w')
  let open = true
  const end = (): void => {
    if (open) closeSync(fd)
    open = false
  }
  t.after(() => {
    end()
    reader.close()
  })
  return { fd, reader, end }
}

/** Whether the open file has O_NONBLOCK. */
export function isNonBlocking(fd: number): boolean {
  const [, flags] = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))!
  return (Number.parseInt(flags!, 8) & fsConstants.O_NONBLOCK) !== 0
}

/** Keeps what comes. */
export class FifoReader {
  bytes = 0
  over = false
  readonly #socket: Socket
  readonly #chunks: Buffer[] = []
  #waiting: (() => void)[] = []

  constructor(fd: number, reading: boolean) {
    this.#socket = new Socket({ fd, readable: true, writable: false })
    this.#socket.on('data', chunk => {
      this.bytes += chunk.length
      this.#chunks.push(chunk)
      this.#notify()
    })
    this.#socket.on('close', () => {
      this.over = true
      this.#notify()
    })
    if (!reading) this.#socket.pause()
  }

  /** Reads until at least `count` bytes came, or no writer is left → all that came. */
  async take(count = Number.POSITIVE_INFINITY): Promise<Buffer> {
    this.#socket.resume()
    while (this.bytes < count && !this.over) await new Promise<void>(resolve => this.#waiting.push(resolve))
    return Buffer.concat(this.#chunks)
  }

  /** Nobody reads any more. */
  close(): void {
    this.#socket.destroy()
  }

  #notify(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}
