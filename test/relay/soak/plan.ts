/** What the two sides of a connection in a soak will do, drawn from the seed; both processes draw the same. */
import { KiB, MiB } from '#sluice/base/units.js'
import { Random } from '../../support/random.js'

/**
 * How a side ends what it sends: with FIN; with RST; or by closing the socket whatever it has not read, which the
 * kernel turns into one of the two.
 */
export type Stop = 'end' | 'reset' | 'leave'

export interface SidePlan {
  /** What it sends before it stops. */
  readonly bytes: number
  readonly stop: Stop
  /** Whether it sends nothing before the other side has ended. */
  readonly waitsForEnd: boolean
  /** The largest piece that it writes at once. */
  readonly pieceBytes: number
  /** How often it pauses between two pieces: in one of so many. */
  readonly pauseEvery: number
  /** After how many bytes it reads nothing for a while, each time. */
  readonly stallEvery: number
  readonly stallMs: number
  /** For its own choices on the way. */
  readonly seed: number
}

export interface ConnectionPlan {
  readonly client: SidePlan
  readonly upstream: SidePlan
}

/** What a connection begins with: which one it is. */
export const headBytes = 8
const magic = 0x534f414b

export function headOf(id: number): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeUInt32BE(magic, 0)
  head.writeUInt32BE(id, 4)
  return head
}

/** → the connection's number; -1 where that is not what it begins with. */
export function idIn(head: Buffer): number {
  return head.length >= headBytes && head.readUInt32BE(0) === magic ? head.readUInt32BE(4) : -1
}

export function planOf(seed: number, id: number): ConnectionPlan {
  const random = new Random(seed + Math.imul(id, 0x85ebca6b))
  // The first numbers of neighbouring seeds are alike.
  for (let skipped = 0; skipped < 4; skipped++) random.below(1)
  // Never both: they would wait for each other.
  const waits = random.below(8)
  return { client: sidePlan(random, waits === 0), upstream: sidePlan(random, waits === 1) }
}

function sidePlan(random: Random, waitsForEnd: boolean): SidePlan {
  const draw = random.below(10)
  return {
    bytes: drawBytes(random),
    stop: draw === 0 ? 'reset' : draw === 1 ? 'leave' : 'end',
    waitsForEnd,
    pieceBytes: random.pick([1, 7, 100, 1 * KiB, 20 * KiB, 65 * KiB, 700 * KiB])!,
    pauseEvery: random.pick([2, 5, 20, 1000])!,
    stallEvery: random.pick([1 * KiB, 50 * KiB, 500 * KiB, 100 * MiB])!,
    stallMs: 1 + random.below(25),
    seed: random.below(2 ** 32),
  }
}

/** From nothing to several MiB, and rarely a round number. */
function drawBytes(random: Random): number {
  const most = random.pick([0, 1, 50, 5 * KiB, 17 * KiB, 100 * KiB, 300 * KiB, 1 * MiB, 4 * MiB])!
  return most <= 1 ? most : 1 + random.below(most)
}
