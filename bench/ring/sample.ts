/** What runs in a process of the trial `ring`: one step over and over. Prints the nanoseconds of one. */
import { performance } from 'node:perf_hooks'
import { summarize } from '../measure/statistics.js'
import type { StepName } from './trial.js'
import { works } from './work.js'

const [name, seconds, warmupSeconds] = process.argv.slice(2)
const { count, run, settle } = works[name as StepName]()

settle()
await repeat(Number(warmupSeconds))
// Others use the machine, too: of the rounds the one in the middle, which nobody has interrupted.
const ns = summarize(await repeat(Number(seconds))).median
console.log(JSON.stringify(ns))
process.exit()

/** → the nanoseconds of one, for each round. */
async function repeat(seconds: number): Promise<number[]> {
  const rounds: number[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const began = performance.now()
    const waited = run()
    if (waited !== undefined) await waited
    rounds.push(((performance.now() - began) * 1e6) / count)
    settle()
  }
  return rounds
}
