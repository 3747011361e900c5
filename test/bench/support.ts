/** For the tests of trials and reports: runs that take next to no time, and results that nobody has measured. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { chooseCores } from '../../bench/measure/cores.js'
import type { BenchResult } from '../../bench/result.js'
import type { RunOptions } from '../../bench/run.js'

export const quick: RunOptions = {
  repetitions: 1,
  seconds: 0.1,
  warmupSeconds: 0.05,
  cores: chooseCores(),
  onProgress: () => {},
}

/** The tests of this file have a temporary folder of their own → the names of what is left in it. */
export function ownTemporary(): () => string[] {
  const usual = process.env.TMPDIR
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
    process.env.TMPDIR = folder
  })
  after(() => {
    if (usual === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = usual
    rmSync(folder, { recursive: true })
  })
  return () => readdirSync(folder)
}

export function resultOf<Trial>(trial: Trial, { seconds = 2 } = {}): BenchResult<Trial> {
  return {
    format: 1,
    date: '2026-01-02T03:04:05.678Z',
    machine: {
      system: 'System',
      kernel: '6.1.0',
      processor: 'Processor',
      processors: 2,
      memoryBytes: 8 * 2 ** 30,
      node: '20.0.0',
      loadBefore: 0.1,
      network: { own: true, congestionControl: 'cubic' },
      cores: { server: 0, client: 1 },
    },
    options: { repetitions: 3, seconds, warmupSeconds: 1 },
    trial,
  }
}
