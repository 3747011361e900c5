/** A socket or pipe into leases: the one pair that is not a transfer. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import type { StreamEnd } from '#sluice/transfer/ends/endpoints.js'
import { type ReceiveOptions, receive } from '#sluice/transfer/jobs/receive.js'
import { needsAddon } from '../support/addon.js'
import { pause } from '../support/eventually.js'
import { type Fault, makeFaulty } from '../support/faulty-native.js'
import type { Ending } from '../support/sockets.js'
import { test } from './named-test.js'
import { sourceKinds } from './sources.js'

const page = 4 * KiB
const lengths = [0, 1, page - 1, page, page + 1, 1024 * KiB + 17]

/** `random`: at least as many bytes as the longest. */
export function declareReceiving(random: Buffer): void {
  for (const kind of [sourceKinds.TCP, sourceKinds.Unix, sourceKinds.pipe]) {
    const needs = kind.addonOnly ? needsAddon : {}
    const name = `${kind.name} → memory`

    test(`${name}: contents of every length`, needs, async t => {
      for (const length of lengths) {
        const bytes = random.subarray(0, length)
        const { from } = await kind.open(t, bytes)
        assert.ok((await all(t, from as StreamEnd)).equals(bytes), `${length} bytes`)
      }
    })

    test(`${name}: a source that brings a little at a time`, needs, async t => {
      const { from, far } = await kind.openStream!(t)
      const received = all(t, from as StreamEnd)
      let sent = 0
      for (const count of [1, 100, page, 3, 10_000, 1]) {
        far.write(random.subarray(sent, sent + count))
        sent += count
        await pause(1)
      }
      far.end()
      assert.ok((await received).equals(random.subarray(0, sent)))
    })

    test(`${name}: an abort while it waits`, needs, async t => {
      const { from, far } = await kind.openStream!(t)
      far.write('so far')
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 5)
      await assert.rejects(all(t, from as StreamEnd, { signal: controller.signal }), {
        code: 'ERR_SLUICE_ABORTED',
      })
    })

    const underFault = async (t: TestContext, fault: Fault): Promise<number> => {
      const bytes = random.subarray(0, 40_000)
      const { from } = await kind.open(t, bytes)
      await pause(1)
      const faulty = makeFaulty(t, fault)
      const received = await all(t, from as StreamEnd).finally(faulty.restore)
      assert.ok(received.equals(bytes))
      return faulty.calls
    }

    test(`${name}: calls that bring less than was asked for`, needsAddon, async t => {
      await underFault(t, { bytesMax: 3000 })
    })

    for (const errno of ['EAGAIN', 'EINTR'] as const) {
      test(`${name}: ${errno} at every point`, needsAddon, async t => {
        const bytesMax = 13_000
        const calls = await underFault(t, { bytesMax, errno, failing: () => false })
        assert.ok(calls > 0)
        for (let point = 0; point < calls; point++) {
          await underFault(t, { bytesMax, errno, failing: call => call === point })
        }
      })
    }
  }
}

async function all(t: Ending, from: StreamEnd, options: ReceiveOptions = {}): Promise<Buffer> {
  const pool = new Pool({ slots: 2, slotBytes: 16 * KiB })
  t.after(() => pool.close())
  const chunks: Buffer[] = []
  for await (const lease of receive(from, pool, options)) {
    chunks.push(Buffer.from(lease.bytes))
    lease.release()
  }
  return Buffer.concat(chunks)
}
