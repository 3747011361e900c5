/** What the paths cost: CPU time of this process in nanoseconds, by pair of ends, path and size. */
import { KiB } from '../../base/units.js'
import type { Expected, PathName } from './path.js'

/** Which kinds of ends: what decides the cost is what the descriptors are. */
export const pairNames = [
  'file → tcp',
  'file → unix',
  'file → pipe',
  'file → file',
  'socket → socket',
  'socket → pipe',
  'pipe → socket',
  'pipe → pipe',
  'socket → file',
  'pipe → file',
  'memory → tcp',
  'memory → unix',
  'memory → pipe',
  'memory → file',
  // A range of a region that never changes again: no pages have to be replaced when it was sent by reference.
  'region → tcp',
  'region → unix',
  'region → pipe',
  'socket → several',
  'pipe → several',
  'file → several',
  'socket → memory',
] as const
export type PairName = (typeof pairNames)[number]

/** By pair and path: `[bytes, nanoseconds]` for a whole transfer of so many bytes, sizes ascending. */
export type Costs = { readonly [Pair in PairName]?: PathCosts }
export type PathCosts = { readonly [Path in PathName]?: readonly Measured[] }
export type Measured = readonly [bytes: number, ns: number]

/** What a transfer of `bytes` costs by this path, or null where nothing is known of it. */
export function expectedOf(costs: Costs, pair: PairName, path: PathName, bytes: number): Expected | null {
  const known = costs[pair]?.[path]
  if (known === undefined || known.length === 0) return null
  const whole = nsAt(known, bytes)
  const nsPerCall = Math.max(0, whole - nsPerByte(known, bytes) * bytes)
  return { nsPerCall, nsPerKiB: bytes === 0 ? 0 : ((whole - nsPerCall) * KiB) / bytes }
}

/** What a few thousand bytes cost is less than measurements differ by: what more of them cost tells. */
const tellingBytes = 64 * KiB

/** What a byte more costs, on the line from the smallest size to this one, or to one that tells. */
function nsPerByte(known: readonly Measured[], bytes: number): number {
  const [firstBytes, firstNs] = known[0]!
  const [telling] = known.find(([size]) => size >= Math.max(bytes, tellingBytes)) ?? known.at(-1)!
  const end = Math.max(telling, bytes)
  if (end === firstBytes) return firstNs / firstBytes
  return Math.max(0, nsAt(known, end) - firstNs) / (end - firstBytes)
}

export function nsOf({ nsPerCall, nsPerKiB }: Expected, bytes: number): number {
  return nsPerCall + (nsPerKiB * bytes) / KiB
}

/**
 * Between two sizes the cost lies on the line between them; below the smallest it is that of the smallest, and above
 * the largest it goes on as between the last two, but never down.
 */
function nsAt(known: readonly Measured[], bytes: number): number {
  const next = known.findIndex(([size]) => size >= bytes)
  if (next === 0) return known[0]![1]
  const [lastBytes, lastNs] = known.at(-1)!
  if (known.length === 1) return (lastNs * bytes) / lastBytes
  const b = next === -1 ? known.length - 1 : next
  const [bytesA, nsA] = known[b - 1]!
  const [bytesB, nsB] = known[b]!
  const ns = nsA + ((nsB - nsA) * (bytes - bytesA)) / (bytesB - bytesA)
  return next === -1 ? Math.max(ns, lastNs) : ns
}
