/** Prints a file by a transfer, by the path that is asked for, and on stderr the path that was taken and why. */
import { file } from '#sluice/transfer/ends/endpoints.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'

const { path, why } = await transfer(file(process.argv[2]!), process.stdout, {
  prefer: process.argv[3] as PathName | undefined,
})
console.error(`${path} ${why}`)
