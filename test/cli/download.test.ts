/** A large file through real clients: whole, in pieces, and resumed. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { closeSync, createReadStream, openSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { GiB, MiB } from '#sluice/base/units.js'
import { serve } from '../support/command.js'
import { without } from '../support/commands.js'
import { temporaryFolder } from '../support/temporary.js'

const execute = promisify(execFile)
const fileBytes = 1 * GiB

test(
  'a file of 1 GiB keeps its hash: whole, in ranges put back together, and resumed',
  without('curl', 'wget'),
  async t => {
    const folder = temporaryFolder(t)
    const name = join(folder, 'large.bin')
    const wanted = writeRandom(name, fileBytes)
    const server = await serve([folder])
    t.after(() => server.stop('SIGKILL'))
    const url = `${server.origin}/large.bin`
    const received = join(folder, 'received.bin')

    await t.test('whole, by curl', async () => {
      await execute('curl', ['--fail', '--silent', '--output', received, url])
      assert.equal(await hashOf(received), wanted)
    })

    await t.test('in three ranges, by curl', async () => {
      const cuts = [0, 12_345, 700 * MiB + 1, fileBytes]
      truncateSync(received)
      for (let index = 0; index + 1 < cuts.length; index++) {
        const range = `${cuts[index]}-${cuts[index + 1]! - 1}`
        await execute('sh', [
          '-c',
          'curl --fail --silent --range "$1" "$2" >> "$3"',
          'sh',
          range,
          url,
          received,
        ])
      }
      assert.equal(await hashOf(received), wanted)
    })

    await t.test('resumed by wget --continue', async () => {
      truncateSync(received, 345 * MiB + 17)
      const { stderr } = await execute('wget', [
        '--continue',
        '--server-response',
        '--progress=dot:giga',
        '--output-document',
        received,
        url,
      ])
      assert.match(stderr, /206 Partial Content/)
      assert.equal(statSync(received).size, fileBytes)
      assert.equal(await hashOf(received), wanted)
    })
  },
)

/** Fills a file with random bytes → its SHA-256. */
function writeRandom(name: string, bytes: number): string {
  const hash = createHash('sha256')
  const chunk = Buffer.allocUnsafe(16 * MiB)
  const fd = openSync(name, 'w')
  for (let written = 0; written < bytes; written += chunk.length) {
    randomFillSync(chunk)
    hash.update(chunk)
    writeSync(fd, chunk)
  }
  closeSync(fd)
  return hash.digest('hex')
}

async function hashOf(name: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(name, { highWaterMark: 4 * MiB })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
