/** Files that are not in memory: the disk may take its time, the event loop goes on. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import http from 'node:http'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MiB } from '#sluice/base/units.js'
import { pathTaken } from '../support/addon.js'
import { without } from '../support/commands.js'
import { evict, randomFile, sha256 } from '../support/contents.js'
import { temporaryFolder } from '../support/temporary.js'

const clients = 64
const fileBytes = 3 * MiB

test(`the event loop's p99 delay stays under 20 ms while ${clients} clients read files dropped from the page cache`, {
  skip: without('python3').skip,
  timeout: 120_000,
}, async t => {
  const folder = temporaryFolder(t)
  const files = Array.from({ length: clients }, (_, index) => randomFile(folder, `${index}.bin`, fileBytes))
  const program = fileURLToPath(new URL('./children/file-server.js', import.meta.url))
  const server = spawn(process.execPath, [program, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => server.kill('SIGKILL'))
  const lines = createInterface(server.stdout)[Symbol.asyncIterator]()
  const port = Number((await lines.next()).value)
  // What is loaded and compiled at first is not what is measured.
  await download(port, '0.bin')
  evict(...files.map(({ path }) => path))
  server.stdin.write('measure\n')
  assert.equal((await lines.next()).value, 'measuring')
  const bodies = await Promise.all(files.map((_, index) => download(port, `${index}.bin`)))
  server.stdin.write('tell\n')
  const { p99Ms, maxMs, paths, fetchedBytes } = JSON.parse((await lines.next()).value) as {
    p99Ms: number
    maxMs: number
    paths: string[]
    fetchedBytes: number
  }
  t.diagnostic(`p99 ${p99Ms} ms, longest ${maxMs} ms; ${fetchedBytes / MiB} MiB were fetched by threads`)
  for (const [index, { bytes }] of files.entries()) assert.equal(sha256(bodies[index]!), sha256(bytes))
  assert.deepEqual(paths, [pathTaken('sendfile')])
  // Copying promises no time: its threads and callbacks compete with all else that runs.
  if (pathTaken('sendfile') === 'copy') return
  assert.ok(fetchedBytes > 0, 'the files were cold')
  assert.ok(p99Ms < 20)
})

function download(port: number, name: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    http
      .get({ port, host: '127.0.0.1', path: `/${name}`, agent: false }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('end', () => resolve(Buffer.concat(chunks)))
        response.on('error', reject)
      })
      .on('error', reject)
  })
}
