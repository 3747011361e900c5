/** ClientHellos as Node's TLS sends them, and what Node's TLS makes of some. */
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect, createSecureContext, TLSSocket } from 'node:tls'

/** A stream that keeps what is written to it. */
class Kept extends Duplex {
  readonly written: Buffer[] = []
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk)
    this.emit('kept')
    done()
  }
}

/** The first bytes of a TLS client, which are one record. */
export async function clientHello(options: ConnectionOptions = {}): Promise<Buffer> {
  const stream = new Kept()
  const client = connect({ socket: stream, rejectUnauthorized: false, ...options })
  client.on('error', () => {})
  if (stream.written.length === 0) await once(stream, 'kept')
  client.destroy()
  return Buffer.concat(stream.written)
}

/** The handshake message, cut into records of so many bytes. */
export function inRecords(hello: Buffer, recordBytes: number): Buffer {
  const message = hello.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += recordBytes) {
    const piece = message.subarray(at, at + recordBytes)
    records.push(Buffer.of(22, 3, 1, piece.length >> 8, piece.length & 255), piece)
  }
  return Buffer.concat(records)
}

const context = createSecureContext({ ciphers: 'DEFAULT@SECLEVEL=0' })
const noSharedCipher = 'ERR_SSL_NO_SHARED_CIPHER'
/** What a server without a certificate says to a ClientHello that it has understood. */
const understood = new Set([noSharedCipher, 'ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM'])

/** How long Node's server may say nothing to what is not whole. */
const silenceMs = 100

/** The name that Node's server hears, null where it hears none, undefined where it refuses the ClientHello. */
export async function nodesReading(hello: Buffer): Promise<string | null | undefined> {
  const stream = new Kept()
  return await new Promise(resolve => {
    const done = (name: string | null | undefined): void => {
      clearTimeout(silence)
      socket.destroy()
      resolve(name)
    }
    const socket = new TLSSocket(stream, {
      isServer: true,
      secureContext: context,
      SNICallback: name => done(name),
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      // TLS 1.3 looks at ciphers before it looks at names: where it has none in common it has heard nothing yet.
      const tooEarly = code === noSharedCipher && socket.getProtocol() === 'TLSv1.3'
      done(understood.has(code!) && !tooEarly ? null : undefined)
    })
    // It waits for more without a word.
    const silence = setTimeout(() => done(undefined), silenceMs)
    stream.push(hello)
  })
}
