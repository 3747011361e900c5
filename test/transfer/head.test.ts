/** A response's head goes out before the body, whole and once, with the first bytes of the file. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { TransferResult } from '#sluice/transfer/jobs/job.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { randomFile, sha256 } from '../support/contents.js'
import { httpServer, RawClient } from '../support/raw-http.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const { EAGAIN, EINTR, EPERM, EPIPE } = constants.errno

test('a small file arrives in one piece with its head', needsAddon, async t => {
  const { client } = await exchange(t, 100)
  client.get()
  const [chunk] = await once(client.peer.socket, 'data')
  assert.equal(chunk.toString('latin1').split('\r\n\r\n')[1].length, 100)
})

test('a head of any length goes out whole, with all that Latin-1 has', async t => {
  const { client, bytes } = await exchange(t, 3 * MiB, res => {
    res.setHeader('X-Long', 'é'.repeat(40 * KiB))
    res.setHeader('X-Last', '\xa0ÿ')
  })
  client.get()
  const { headers, body } = await client.response()
  assert.equal(headers.get('x-long'), 'é'.repeat(40 * KiB))
  assert.equal(headers.get('x-last'), '\xa0ÿ'.trim())
  assert.equal(sha256(body), sha256(bytes))
})

test('a head that goes out byte by byte, with interruptions and waits, is whole', needsAddon, async t => {
  let calls = 0
  const { sendText } = native!
  patch(t, {
    sendText(fd, text, flags) {
      calls++
      if (calls % 3 === 0) return -EINTR
      return sendText(fd, text.slice(0, 1), flags)
    },
  })
  const { client, bytes } = await exchange(t, 300 * KiB)
  client.get()
  const { status, body } = await client.response()
  assert.equal(status, 200)
  assert.equal(sha256(body), sha256(bytes))
  assert.ok(calls > 50)
})

test('a head for which the socket has no room waits for it', needsAddon, async t => {
  let refused = 0
  const { sendText } = native!
  patch(t, {
    sendText: (fd, text, flags) => (refused++ === 0 ? -EAGAIN : sendText(fd, text, flags)),
  })
  const { client, bytes } = await exchange(t, 300 * KiB)
  client.get()
  assert.equal(sha256((await client.response()).body), sha256(bytes))
  assert.equal(refused, 2)
})

test('a head that cannot be sent fails the transfer', needsAddon, async t => {
  patch(t, { sendText: () => -EPIPE })
  const { client, outcome } = await exchange(t, 100)
  client.get()
  assert.equal((await outcome).error!.code, 'ERR_SLUICE_PEER_CLOSED')
})

for (const [taken, refusing] of [
  ['splice', { sendfile: () => -EPERM }],
  ['sendfile', { splice: () => -EPERM }],
  ['copy', { sendfile: () => -EPERM, splice: () => -EPERM }],
] as const) {
  const names = Object.keys(refusing).join(' and ')
  test(
    `where ${names} is refused after the head left, the body follows it by ${taken}`,
    needsAddon,
    async t => {
      patch(t, refusing)
      const { client, bytes, outcome } = await exchange(t, 300 * KiB)
      client.get()
      assert.equal(sha256((await client.response()).body), sha256(bytes))
      const { result } = await outcome
      assert.equal(result!.path, taken)
      if (taken === 'copy') assert.match(result!.why, /refused here \(EPERM\)/)
    },
  )
}

test('a head that was not taken when the transfer ended is still sent by Node', async t => {
  const server = await httpServer(t, async (_req, res) => {
    res.setHeader('X-Mine', 'yes')
    res.setHeader('Content-Length', 2)
    const { path } = randomFile(temporaryFolder(t), 'file.bin', 100)
    await assert.rejects(transfer(file(path), socket(res)), { code: 'ERR_SLUICE_CONTENT_LENGTH' })
    res.end('ok')
  })
  const client = new RawClient(t, server)
  client.get()
  const { headers, body } = await client.response()
  assert.equal(headers.get('x-mine'), 'yes')
  assert.equal(body.toString(), 'ok')
})

interface Outcome {
  result?: TransferResult
  error?: Error & { code: string }
}

/** A server that answers with a file, and a client of it. */
async function exchange(t: Ending, length: number, prepare: (res: ServerResponse) => void = () => {}) {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  let settle: (outcome: Outcome) => void = () => {}
  const outcome = new Promise<Outcome>(resolve => {
    settle = resolve
  })
  const server = await httpServer(t, (_req, res) => {
    prepare(res)
    transfer(file(path), socket(res)).then(
      result => settle({ result }),
      error => {
        settle({ error })
        res.destroy()
      },
    )
  })
  return { bytes, outcome, client: new RawClient(t, server) }
}

/** Replaces calls of the addon for the time of the test. */
function patch(t: TestContext, calls: Partial<Native>): void {
  const before = { ...native! }
  Object.assign(native!, calls)
  t.after(() => Object.assign(native!, before))
}
