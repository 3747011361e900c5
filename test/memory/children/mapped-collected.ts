/** Mappings that nobody closes, half of them cut; run with --expose-gc. Prints what was held, then what is left. */
import { truncateSync, writeFileSync } from 'node:fs'
import { mapFile } from '#sluice/memory/mapped-file.js'
import { fileDescriptors, fileMappings } from '../support.js'

const path = process.argv[2]!
mapAndForget(20)
console.log(fileMappings(path), fileDescriptors(path))
for (let turn = 0; turn < 100 && fileMappings(path) + fileDescriptors(path) > 0; turn++) {
  globalThis.gc!()
  await new Promise(setImmediate)
}
console.log(fileMappings(path), fileDescriptors(path))

// In a function of its own, so that nothing of it stays on the stack.
function mapAndForget(count: number): void {
  for (let i = 0; i < count; i++) {
    writeFileSync(path, Buffer.alloc(8192, 1))
    const cut = mapFile(path)
    const whole = mapFile(path)
    truncateSync(path, 4096)
    if (cut.bytes[8191] !== 0 || whole.bytes[0] !== 1) throw new Error('wrong bytes')
  }
}
