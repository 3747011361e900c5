/**
 * Reads the standard input to its end and throws it away → one line of JSON: how many bytes there were, and the hash of
 * those that large-files.ts samples. Arguments: how far apart the samples begin, how long one is, where the last begins.
 */
import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'
import { MiB } from '#sluice/base/units.js'

const [apart, sampleBytes, lastAt] = process.argv.slice(2).map(Number) as [number, number, number]
const buffer = Buffer.allocUnsafe(1 * MiB)
const hash = createHash('sha256')
let bytes = 0
for (let count = readSync(0, buffer); count > 0; count = readSync(0, buffer)) {
  let next = Math.max(0, Math.ceil((bytes - sampleBytes + 1) / apart)) * apart
  for (; next < bytes + count && next < lastAt; next += apart) sample(next, count)
  sample(lastAt, count)
  bytes += count
}
console.log(JSON.stringify({ bytes, hash: hash.digest('hex') }))

/** What the buffer, which begins at `bytes`, has of the sample at `at`. */
function sample(at: number, count: number): void {
  const start = Math.max(at - bytes, 0)
  const end = Math.min(at + sampleBytes - bytes, count)
  if (start < end) hash.update(buffer.subarray(start, end))
}
