/** Sends a slot's bytes in flight to standard output, by descriptor and by address, then touches them. */
import { writeSync } from 'node:fs'
import { kernelBytes, submitLease } from '#sluice/memory/lease.js'
import { Pool } from '#sluice/memory/pool.js'
import { native } from '#sluice/native/load.js'

const pool = new Pool({ slots: 2, slotBytes: 4096, verify: true })
pool.tryTake()
const lease = pool.tryTake()!
const view = lease.bytes
view.set(Buffer.from('by descriptor, '))
lease.length = 15
submitLease(lease)
const sent = native!.sendfile(1, lease.region.fd!, lease.offset, lease.length)
if (sent !== lease.length) throw new Error(`sendfile returned ${sent}`)
writeSync(1, kernelBytes(lease), 0, 11)
if (process.argv[2] !== 'read') view[0] = 1
else console.log(view[0])
console.log('it survived')
