/** What bytes go to in an experiment: one sink for all of its transfers, which the peer process reads. */
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { file, pipe, socket } from '../transfer/ends/endpoints.js'
import type { SinkLike } from '../transfer/ends/ends.js'
import { type Laboratory, nameForPeer } from './laboratory.js'

export interface Drain {
  /** How many transfers are worth measuring at once. */
  readonly countMax: number
  /** How many go before them that are not counted. */
  readonly countBefore: number
  readonly sink: SinkLike | readonly SinkLike[]
  /** Waits until the peer has read what was sent, so that the next batch finds the sink empty. */
  settle(sentBytes: number): Promise<void>
}

/** Sinks that are as they were for as many transfers as anybody wants. */
const lasting = { countMax: 512, countBefore: 0 } as const
/**
 * A file that is opened and emptied takes half a millisecond. The first one after something else has to find memory in
 * large pieces, up to ten milliseconds for a megabyte, which those after it get back.
 */
const ofFiles = { countMax: 8, countBefore: 1 } as const

export async function tcpDrain(lab: Laboratory): Promise<Drain> {
  const { reader, port } = await lab.peer.ask({ ask: 'read-socket', name: null })
  const connection = await connected(lab, { port, host: '127.0.0.1', noDelay: true })
  return { ...lasting, sink: socket(connection), settle: settling(lab, reader) }
}

export async function unixDrain(lab: Laboratory): Promise<Drain> {
  const name = lab.name()
  const { reader } = await lab.peer.ask({ ask: 'read-socket', name })
  return {
    ...lasting,
    sink: socket(await connected(lab, { path: name })),
    settle: settling(lab, reader),
  }
}

export async function pipeDrain(lab: Laboratory): Promise<Drain> {
  const { output, input } = lab.pipe()
  lab.atEnd(() => closeSync(input))
  try {
    const { reader } = await lab.peer.ask({ ask: 'read-pipe', path: nameForPeer(output) })
    return { ...lasting, sink: pipe(input), settle: settling(lab, reader) }
  } finally {
    closeSync(output)
  }
}

/** A file that is emptied and written anew by each transfer, as files given by name are. */
export async function fileDrain(lab: Laboratory): Promise<Drain> {
  return { ...ofFiles, sink: file(lab.name()), settle: async () => {} }
}

/** Two connections that get the same bytes. */
export async function severalDrain(lab: Laboratory): Promise<Drain> {
  const both = [await tcpDrain(lab), await tcpDrain(lab)]
  return {
    ...lasting,
    sink: both.map(({ sink }) => sink as SinkLike),
    async settle(sentBytes) {
      for (const { settle } of both) await settle(sentBytes)
    },
  }
}

async function connected(lab: Laboratory, where: NetConnectOpts): Promise<Socket> {
  const connection = connect(where)
  lab.atEnd(() => connection.destroy())
  await once(connection, 'connect')
  // The peer is killed in the end.
  return connection.on('error', () => {})
}

function settling(lab: Laboratory, reader: number): (sentBytes: number) => Promise<void> {
  let bytes = 0
  return async sentBytes => {
    bytes += sentBytes
    await lab.peer.ask({ ask: 'await-bytes', reader, bytes })
  }
}
