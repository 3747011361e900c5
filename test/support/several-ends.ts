/** Tests with several sinks: their ends, and more bytes than all that is on the way holds. */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { MiB } from '#sluice/base/units.js'
import { sha256 } from './contents.js'
import { type Ending, type Peer, socketPair } from './sockets.js'

export const severalPaths = ['tee', 'copy'] as const
/** More than the pipes and one connection hold on the way: up to 4 MiB to be sent and 32 MiB received. */
export const plenty = randomBytes(48 * MiB)
export const much = plenty.length
export const plentySha256 = sha256(plenty)

export async function sourceSocket(t: Ending): Promise<{ source: Socket; from: Peer }> {
  const { socket: source, peer: from } = await socketPair(t)
  source.allowHalfOpen = true
  return { source, from }
}

export async function sinkSockets(
  t: Ending,
  count: number,
  { reading = true } = {},
): Promise<{ sinks: Socket[]; peers: Peer[] }> {
  const pairs = []
  for (let index = 0; index < count; index++) pairs.push(await socketPair(t, { reading }))
  return { sinks: pairs.map(pair => pair.socket), peers: pairs.map(pair => pair.peer) }
}

/** Waits until a number has stopped changing. */
export async function stalls(measure: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 20; ) {
    await new Promise(resolve => setTimeout(resolve, 5))
    same = measure() === last ? same + 1 : 0
    last = measure()
  }
}
