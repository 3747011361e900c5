/** A worker thread that uses memory until it is terminated, and closes nothing. */
import { parentPort } from 'node:worker_threads'
import { submitLease } from '#sluice/memory/lease.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'

const region = new Region({ bytes: 65536, name: 'sluice-worker' })
const pool = new Pool({ slots: 8, slotBytes: 4096, region, verify: true })
submitLease(pool.tryTake()!)
parentPort!.postMessage('busy')
for (;;) {
  const lease = pool.tryTake()!
  lease.bytes.fill(1)
  lease.release()
}
