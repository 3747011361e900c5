/** What a transfer from file to file costs the processor, beside streams: printed, as figures depend on the machine. */
import assert from 'node:assert/strict'
import { createReadStream, createWriteStream, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { GiB, MiB } from '#sluice/base/units.js'
import { file } from '#sluice/transfer/ends/endpoints.js'
import { filePathNames } from '#sluice/transfer/plan/plan-files.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { temporaryFolder } from '../support/temporary.js'

const fileBytes = 64 * MiB
/** The smallest of them counts: whatever else the machine does only adds to it. */
const rounds = 3

test('CPU time per GiB of every path and of streams', async t => {
  const folder = temporaryFolder(t)
  const from = join(folder, 'source.bin')
  const to = join(folder, 'sink.bin')
  writeFileSync(from, Buffer.alloc(fileBytes, 'not a hole '))
  const ways: Record<string, () => Promise<string>> = {
    streams: async () => {
      await pipeline(createReadStream(from), createWriteStream(to))
      return 'streams'
    },
  }
  for (const prefer of filePathNames) {
    ways[prefer] = async () => (await transfer(file(from), file(to), { prefer })).path
  }
  const best = new Map<string, number>()
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of Object.entries(ways)) {
      rmSync(to, { force: true })
      const before = process.cpuUsage()
      const taken = await run()
      const { user, system } = process.cpuUsage(before)
      const msPerGiB = ((user + system) / 1000) * (GiB / fileBytes)
      const label = taken === name ? name : `${name}, by ${taken}`
      best.set(label, Math.min(best.get(label) ?? Number.POSITIVE_INFINITY, msPerGiB))
    }
  }
  assert.ok(readFileSync(to).equals(readFileSync(from)))
  for (const [name, ms] of best) {
    t.diagnostic(`${name}: ${ms.toFixed(0)} ms/GiB, ${(ms / best.get('streams')!).toFixed(2)} of streams`)
  }
})
