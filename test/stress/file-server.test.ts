/**
 * Many connections and many requests: descriptors and memory stay as they were. SLUICE_LOAD=full holds 10,000
 * connections and asks 1,000,000 times, for which `ulimit -n` must allow as many descriptors.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { folderOf, requestText } from '../http/support.js'
import { engines } from '../server/support.js'
import { type Running, serve } from '../support/command.js'
import { eventually } from '../support/eventually.js'

const full = process.env.SLUICE_LOAD === 'full'
const connections = full ? 10_000 : 1000
const requests = full ? 1_000_000 : 20_000
/** What a connection sends at once. */
const batch = 10
const bodyBytes = 1 * KiB
/** What the heap, the allocator and the cache may take for themselves, however many connections there are. */
const slackBytes = 24 * MiB
const idleBytesMax = 4 * KiB

for (const { engine, skip } of engines) {
  test(`${connections} connections and ${requests} requests leave no trace [${engine}]`, {
    skip,
  }, async t => {
    const folder = folderOf(t, { 'a.bin': Buffer.alloc(bodyBytes, 'x') })
    const server = await serve([folder, '--engine', engine])
    t.after(() => server.stop('SIGKILL'))
    // Warm: what is allocated once is there.
    await ask(await open(server.port), 50)
    const before = use(server)
    const clients: Socket[] = []
    t.after(() => {
      for (const client of clients) client.destroy()
    })
    for (let i = 0; i < connections; i++) {
      const client = await open(server.port)
      clients.push(client)
      await ask(client, 1)
    }
    const idle = use(server)
    const each = (idle.bytes - before.bytes) / connections
    t.diagnostic(`${each.toFixed(0)} bytes for each of ${connections} idle connections`)
    assert.equal(idle.descriptors - before.descriptors, connections)
    assert.ok(idle.bytes - before.bytes < connections * idleBytesMax + slackBytes)

    const rounds = requests / connections / batch
    const uses = []
    for (let round = 0; round < rounds; round++) {
      await Promise.all(clients.map(client => ask(client, batch)))
      uses.push(use(server))
    }
    const middle = uses[Math.floor(uses.length / 2)]!
    const end = uses.at(-1)!
    t.diagnostic(
      `${showMiB(before.bytes)} at first, ${showMiB(idle.bytes)} idle, ${showMiB(end.bytes)} at last`,
    )
    assert.equal(end.descriptors, idle.descriptors)
    assert.ok(end.bytes - middle.bytes < slackBytes, `it grew from ${middle.bytes} to ${end.bytes} bytes`)

    for (const client of clients.splice(0)) client.destroy()
    await eventually(
      () => use(server).descriptors <= before.descriptors,
      () => 'descriptors stay open',
    )
    const { code, stderr } = await server.stop()
    assert.deepEqual([code, stderr], [0, ''])
  })
}

/** Descriptors of the server's process, and bytes of memory that are its own. */
function use({ pid }: Running): { descriptors: number; bytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)![1])
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    bytes: (kib('RssAnon') + kib('RssShmem')) * KiB,
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

const question = requestText('/a.bin')

/** Asks so often in one write, and waits for all that comes back. */
async function ask(client: Socket, count: number): Promise<void> {
  let bytes = 0
  client.write(question.repeat(count))
  await new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      if (bytes === 0 && !chunk.toString('latin1', 0, 12).startsWith('HTTP/1.1 200'))
        reject(new Error(`${chunk}`))
      bytes += chunk.length
      // Every answer to the same question is as long as the first.
      const headBytes = chunk.indexOf('\r\n\r\n') + 4
      expected ||= headBytes + bodyBytes
      if (bytes < count * expected) return
      client.off('data', onData)
      resolve()
    }
    client.on('data', onData)
  })
  assert.equal(bytes, count * expected)
}

/** Bytes of one answer. */
let expected = 0

function showMiB(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`
}
