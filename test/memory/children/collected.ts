/** Regions and pools that nobody closes; run with --expose-gc. Prints what was held, then what is left. */
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { descriptors, mappings } from '../support.js'

const name = 'sluice-collected'
useMemory()
console.log(mappings(name), descriptors(name))
for (let turn = 0; turn < 100 && mappings(name) + descriptors(name) > 0; turn++) {
  globalThis.gc!()
  await new Promise(setImmediate)
}
console.log(mappings(name), descriptors(name))

// In a function of its own, so that nothing of it stays on the stack.
function useMemory(): void {
  for (let i = 0; i < 20; i++) {
    const region = new Region({ bytes: 65536, name })
    region.bytes.fill(1)
    const pool = new Pool({ slots: 2, slotBytes: 4096, region, verify: true })
    pool.tryTake()!.bytes.fill(2)
  }
}
