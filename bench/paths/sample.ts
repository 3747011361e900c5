/**
 * What runs in a process of the trial `paths`: measures every path of one pair, then lets the planner pick one for
 * each size, by the table that SLUICE_COSTS names. Prints both as JSON.
 */
import { experiments } from '#sluice/measure/experiments.js'
import { Laboratory } from '#sluice/measure/laboratory.js'
import { type Measurement, measure } from '#sluice/measure/measure.js'
import { Rig } from '#sluice/measure/rig.js'
import { native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'

export interface PathSample {
  measured: Measurement
  /** By size, in the order asked for. */
  picked: PathName[]
}

const [pair, limitMs, ...sizes] = process.argv.slice(2)
const experiment = experiments.find(each => each.pair === pair)!
const bytes = sizes.map(Number)
const interrupt = new AbortController()
process.once('SIGTERM', () => interrupt.abort())

const measured = await measure({
  experiments: [experiment],
  sizes: bytes,
  limitMs: Number(limitMs),
  thorough: true,
  signal: interrupt.signal,
})
const sample: PathSample = { measured, picked: experiment.pair in measured.costs ? await pick() : [] }
console.log(JSON.stringify(sample))

async function pick(): Promise<PathName[]> {
  await using lab = await Laboratory.open(native!)
  const rig = await Rig.open(lab, experiment)
  const picked: PathName[] = []
  for (const size of bytes) picked.push((await rig.run({ bytes: size, count: 1, prefer: undefined })).path)
  return picked
}
