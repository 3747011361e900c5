/** Registers more memory than the limit on locked memory allows, then less. */
import { KiB, MiB } from '#sluice/base/units.js'
import { Region } from '#sluice/memory/region.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'

const ring = new ThreadRing({ entries: 4 })
const large = new Region({ bytes: 4 * MiB })
const small = new Region({ bytes: 16 * KiB })
try {
  ring.buffers.register([ring.use(large)])
} catch (error) {
  const { code, message } = error as { code: string; message: string }
  console.log(code, message)
}
ring.buffers.register([ring.use(small)])
await ring.close()
await large.close()
await small.close()
console.log('closed')
