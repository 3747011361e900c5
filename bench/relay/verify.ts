/** Sends random bytes through a proxy to an upstream that gives them back, so that nobody is measured for losing any. */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { KiB } from '#sluice/base/units.js'
import { BenchError } from '../fail.js'

const messageBytes = 64 * KiB
const messages = 32
/** What the upstream of bench/traffic reads first: the kind, KIND_EXCHANGE, and the size of a message. */
const hello = new Uint8Array(new Uint32Array([3, messageBytes]).buffer)

/** Throws a BenchError where other bytes come back. The client ends before it has read all, and must get all the same. */
export async function verifyProxy(port: number, signal: AbortSignal): Promise<void> {
  const sent = randomBytes(messages * messageBytes)
  sent.set(hello)
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true, signal })
  client.end(sent)
  const received = await buffer(client)
  if (!received.equals(sent)) {
    throw new BenchError(`${received.length} bytes came back of ${sent.length}, or other ones`)
  }
}
