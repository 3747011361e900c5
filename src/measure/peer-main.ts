/**
 * What runs in a peer process: the other side of every socket and pipe, so that reading and writing there costs the
 * process nothing that is being measured.
 */
import { once } from 'node:events'
import { constants, type FileHandle, open } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { KiB, MiB } from '../base/units.js'
import type { PeerAnswer, PeerRequest } from './peer-requests.js'

const readBytes = 256 * KiB
const chunk = Buffer.alloc(1 * MiB, 'sluice')
/** What a pipe and a socket take although nobody reads: only then is there no end to wait for before answering. */
const bytesAtOnceMax = 64 * KiB

/** Bytes that have come, and who waits for more. */
class Reader {
  readonly #buffer = Buffer.alloc(readBytes)
  #bytes = 0
  #wanted = 0
  #wake: (() => void) | null = null

  async until(bytes: number): Promise<void> {
    this.#wanted = bytes
    if (this.#bytes < bytes) await new Promise<void>(resolve => (this.#wake = resolve))
  }

  async listen(name: string | null): Promise<number> {
    const server = createServer()
    server.listen(name === null ? { port: 0, host: '127.0.0.1' } : { path: name })
    await once(server, 'listening')
    server.once('connection', socket => {
      server.close()
      socket.on('error', () => {}).on('data', data => this.#count(data.length))
    })
    return name === null ? (server.address() as AddressInfo).port : 0
  }

  async readPipe(path: string): Promise<void> {
    const handle = await open(path, constants.O_RDONLY)
    void this.#readAll(handle)
  }

  async #readAll(handle: FileHandle): Promise<void> {
    for (;;) {
      const { bytesRead } = await handle.read(this.#buffer)
      if (bytesRead === 0) return await handle.close()
      this.#count(bytesRead)
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes >= this.#wanted) this.#wake?.()
  }
}

const readers: Reader[] = []

async function answer(request: PeerRequest): Promise<PeerAnswer> {
  switch (request.ask) {
    case 'read-socket': {
      const reader = new Reader()
      return { port: await reader.listen(request.name), reader: readers.push(reader) - 1 }
    }
    case 'read-pipe': {
      const reader = new Reader()
      await reader.readPipe(request.path)
      return { reader: readers.push(reader) - 1 }
    }
    case 'await-bytes':
      await readers[request.reader]!.until(request.bytes)
      return {}
    case 'write-sockets':
      await Promise.all(Array.from({ length: request.count }, () => writeSocket(request.port, request.bytes)))
      return {}
    case 'write-pipes':
      await Promise.all(request.paths.map(path => writePipe(path, request.bytes)))
      return {}
  }
}

async function writeSocket(port: number, bytes: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {})
  await once(socket, 'connect')
  const written = writeAll(bytes, async data => {
    if (!socket.write(data)) await once(socket, 'drain')
  }).then(() => {
    socket.end()
    // The reader may close first, once it has the end.
    socket.resume()
  })
  if (bytes <= bytesAtOnceMax) await written
}

async function writePipe(path: string, bytes: number): Promise<void> {
  const handle = await open(path, constants.O_WRONLY)
  const written = writeAll(bytes, async data => {
    for (let offset = 0; offset < data.length; ) offset += (await handle.write(data, offset)).bytesWritten
  })
    // The other side stops reading where its transfer fails.
    .catch(() => {})
    .then(() => handle.close())
  if (bytes <= bytesAtOnceMax) await written
}

async function writeAll(bytes: number, write: (data: Buffer) => Promise<void>): Promise<void> {
  for (let left = bytes; left > 0; left -= chunk.length) {
    await write(left < chunk.length ? chunk.subarray(0, left) : chunk)
  }
}

process.on('message', async (request: PeerRequest) => {
  const answered = await answer(request).catch((error: Error) => ({ failed: error.message }))
  process.send?.(answered)
})
// Whoever measures has ended, in order or not.
process.on('disconnect', () => process.exit())
// It is for the process that measures to say when this one ends: a terminal's Ctrl-C reaches both.
process.on('SIGINT', () => {})
