/** What a process of the trial `streams` does with a connection: each job by sluice, and by Node's streams. */
import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat, unlink } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { Pool } from '#sluice/memory/pool.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { type JobLabel, type Mover, messageBytes } from './trial.js'

/** On both sides of a relay: each direction ends by itself, and nothing waits to be sent with what comes later. */
export const connectionOptions = { allowHalfOpen: true, noDelay: true }

/** What a server has to work with. */
export interface Place {
  /** The port on 127.0.0.1 that takes bytes and throws them away. */
  upstream: number
  /** A file of so many bytes as are copied. */
  source: string
  /** The name of a file to write. */
  sink: string
}

/** Does the job for a connection, which is paused; how much, the traffic says. */
export type Serve = (client: Socket, place: Place) => Promise<unknown>

export const servers: Readonly<Record<JobLabel, Readonly<Record<Mover, Serve>>>> = {
  'socket → socket': {
    async sluice(client, { upstream }) {
      const other = connectTo(upstream)
      await Promise.all([passOn(client, other), passOn(other, client)])
    },
    async streams(client, { upstream }) {
      const other = connectTo(upstream)
      client.pipe(other).pipe(client)
    },
  },
  // A new file each time.
  'socket → file': {
    async sluice(client, { sink }) {
      await transfer(socket(client), file(sink))
      const { size } = await stat(sink)
      await unlink(sink)
      sayCount(client, size)
    },
    async streams(client, { sink }) {
      await pipeline(client, createWriteStream(sink))
      const { size } = await stat(sink)
      await unlink(sink)
      sayCount(client, size)
    },
  },
  // The same file over and over, which keeps its memory and its blocks.
  'socket → file in place': {
    async sluice(client, { source }) {
      await transfer(socket(client), file(source, { flags: 'r+' }))
      sayCount(client, (await stat(source)).size)
    },
    async streams(client, { source }) {
      await pipeline(client, createWriteStream(source, { flags: 'r+' }))
      sayCount(client, (await stat(source)).size)
    },
  },
  'file → file': {
    sluice: (client, { source, sink }) => answerEach(client, () => transfer(file(source), file(sink))),
    streams: (client, { source, sink }) =>
      answerEach(client, () => pipeline(createReadStream(source), createWriteStream(sink))),
  },
  '1 KiB messages': {
    async sluice(client) {
      const pool = new Pool({ slots: 256, slotBytes: messageBytes })
      const to = socket(client)
      const end = endOf(client)
      let sentBytes = 0
      let last: Promise<unknown> | null = null
      for (; !end.came; sentBytes += messageBytes) {
        const lease = pool.tryTake() ?? (await pool.take())
        lease.bytes.set(message)
        last = transfer(lease, to)
      }
      await last
      sayCount(client, sentBytes)
    },
    /** One buffer over and over: a program that fills one for each message has more to do. */
    async streams(client) {
      const end = endOf(client)
      let sentBytes = 0
      for (; !end.came; sentBytes += messageBytes) {
        if (!client.write(message)) await once(client, 'drain')
      }
      sayCount(client, sentBytes)
    },
  },
}

const message = Buffer.alloc(messageBytes, 'sluice')

function connectTo(port: number): Socket {
  return connect({ ...connectionOptions, port, host: '127.0.0.1' })
}

async function passOn(from: Socket, to: Socket): Promise<void> {
  await transfer(socket(from), socket(to))
  to.end()
}

/** The traffic asks with a message, and takes the same for an answer. */
async function answerEach(client: Socket, work: () => Promise<unknown>): Promise<void> {
  for await (const asked of client) {
    await work()
    client.write(asked as Buffer)
  }
}

/** The client shuts down when it has enough. What it said before is not for us. */
function endOf(client: Socket): { readonly came: boolean } {
  const end = { came: false }
  client.once('end', () => {
    end.came = true
  })
  client.resume()
  return end
}

/** What the traffic wants to hear of a stream last: how many bytes came, or went. */
function sayCount(client: Socket, bytes: number): void {
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(bytes))
  client.end(count)
}
