/** How sizes and times look in messages and tables: three digits, in the unit that suits. */
import { GiB, KiB, MiB } from './units.js'

const sizes = [
  [GiB, 'GiB'],
  [MiB, 'MiB'],
  [KiB, 'KiB'],
] as const
const times = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
] as const

/** As in `64 KiB`, `1.5 MiB`, `256 B`. */
export function showBytes(bytes: number): string {
  return inUnit(bytes, sizes, 'B')
}

/** As in `12.4 µs`. */
export function showNs(ns: number): string {
  return inUnit(ns, times, 'ns')
}

function inUnit(value: number, units: readonly (readonly [number, string])[], smallest: string): string {
  const [divisor, unit] = units.find(([least]) => value >= least) ?? [1, smallest]
  return `${Number((value / divisor).toPrecision(value / divisor >= 1000 ? 4 : 3))} ${unit}`
}
