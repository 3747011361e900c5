/**
 * Writes 2 MiB of a region to the file that the first argument names, by the second's path, where a third is given with
 * that limit on the size of files; prints what came of it.
 */
import { execFileSync } from 'node:child_process'
import { MiB } from '#sluice/base/units.js'
import { Region } from '#sluice/memory/region.js'
import { file } from '#sluice/transfer/ends/endpoints.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'

const [to, prefer, fileBytesMax] = process.argv.slice(2)
const region = new Region({ bytes: 2 * MiB })
region.bytes.fill(7)
// Only now: a region is a file, too.
if (fileBytesMax !== undefined)
  execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${fileBytesMax}`])
try {
  console.log(JSON.stringify(await transfer(region, file(to!), { prefer: prefer as PathName })))
} catch (error) {
  const { code, errno, bytes, message } = error as {
    code: string
    errno: number
    bytes: number
    message: string
  }
  console.log(JSON.stringify({ code, errno, bytes, message }))
}
await region.close()
