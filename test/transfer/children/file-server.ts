/**
 * Serves the files of a folder by transfer(), and measures its own event loop: prints its port; on the line
 * `measure` begins to, on `tell` prints the delays, the paths taken and what threads fetched from the disk.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'

const folder = process.argv[2]!
const delays = monitorEventLoopDelay({ resolution: 1 })
const paths = new Set<string>()
let fetchedBytes = 0

if (native !== null) {
  const { sendfileOffload } = native
  native.sendfileOffload = (out, input, offset, count) => {
    fetchedBytes += count
    return sendfileOffload(out, input, offset, count)
  }
}

const server = createServer(async (req, res) => {
  const { path } = await transfer(file(join(folder, req.url!)), socket(res))
  paths.add(path)
}).listen(0, '127.0.0.1')
await once(server, 'listening')
console.log((server.address() as AddressInfo).port)

for await (const line of createInterface(process.stdin)) {
  if (line === 'measure') {
    fetchedBytes = 0
    delays.enable()
    console.log('measuring')
  } else {
    delays.disable()
    const [p99Ms, maxMs] = [delays.percentile(99) / 1e6, delays.max / 1e6]
    console.log(JSON.stringify({ p99Ms, maxMs, paths: [...paths], fetchedBytes }))
  }
}
