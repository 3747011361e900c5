/** Transfers the file that the first argument names to that of the second, by the third's path; prints what came of it. */
import { file } from '#sluice/transfer/ends/endpoints.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'

const [from, to, prefer] = process.argv.slice(2)
try {
  console.log(JSON.stringify(await transfer(file(from!), file(to!), { prefer: prefer as PathName })))
} catch (error) {
  const { code, errno, bytes, message } = error as {
    code: string
    errno: number
    bytes: number
    message: string
  }
  console.log(JSON.stringify({ code, errno, bytes, message }))
}
