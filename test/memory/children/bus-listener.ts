/** Listens for SIGBUS, from before the first mapping or between two, and has a mapping cut all the same. */
import { truncateSync } from 'node:fs'
import { mapFile } from '#sluice/memory/mapped-file.js'

const [path, order] = process.argv.slice(2) as [string, string]
const earlier = order === 'between' ? mapFile(path) : null
process.on('SIGBUS', signal => {
  console.log('heard', signal)
  process.exit(0)
})
const file = mapFile(path)
earlier?.close()
truncateSync(path, 0)
console.log('ready', file.bytes[4096], file.truncated)
setTimeout(() => process.exit(1), 30_000)
