/**
 * Many connections through the proxy, held at once and used in turn: what is idle costs little memory and no pipe.
 * SLUICE_LOAD=full holds 10,000, or as many as `ulimit -n` allows the proxy, which has two descriptors for each.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { countDescriptors } from '../relay/soak/descriptors.js'
import { engines } from '../server/support.js'
import { type Running, run, sluice } from '../support/command.js'
import { eventually } from '../support/eventually.js'
import { repository } from '../support/repository.js'

const full = process.env.SLUICE_LOAD === 'full'
const wanted = full ? 10_000 : 500
/** Of the proxy's own. */
const spareDescriptors = 300
const connections = Math.min(wanted, Math.floor((descriptorsMax() - spareDescriptors) / 2))
/** What the heap and the allocator may take for themselves, however many connections there are. */
const slackBytes = 24 * MiB
const idleBytesMax = 16 * KiB
/** Descriptors of the pipes that the pool may keep for later: 64 of two ends. */
const keptDescriptors = 128
/** More than is copied at once, so that it is spliced, and less than would fill a socket's buffers. */
const bulkBytes = 100 * KiB
const echoProgram = join(repository, 'build', 'dev', 'test', 'stress', 'children', 'echo.js')

for (const { engine, skip } of engines) {
  test(`${connections} connections are held at once and used in turn [${engine}]`, { skip }, async t => {
    const behind = run(process.execPath, [echoProgram])
    t.after(() => behind.stop('SIGKILL'))
    const [, behindPort] = await behind.line(/^listening on (\d+)$/m)
    const flags = ['--listen', '127.0.0.1:0', '--to', `127.0.0.1:${behindPort}`, '--grace', '0s']
    const proxy = sluice(['proxy', ...flags], { env: { SLUICE_ENGINE: engine } })
    t.after(() => proxy.stop('SIGKILL'))
    const port = Number((await proxy.line(/^listening on 127\.0\.0\.1:(\d+)$/m))[1])
    const clients: Socket[] = []
    t.after(() => {
      for (const client of clients) client.destroy()
    })
    const before = countDescriptors(proxy.pid)
    // Warm: what is loaded and compiled once is there.
    const first = await open(port)
    for (let count = 0; count < 50; count++) await ask(first, count, bulkBytes)
    first.destroy()
    await eventually(
      () => countDescriptors(proxy.pid).others <= before.others,
      () => 'the first connection stays open',
    )
    const bytesBefore = memoryOf(proxy)
    for (let i = 0; i < connections; i++) {
      const client = await open(port)
      clients.push(client)
      await ask(client, i, 1)
    }
    const each = (memoryOf(proxy) - bytesBefore) / connections
    t.diagnostic(`${each.toFixed(0)} bytes for each of ${connections} idle connections`)
    assert.equal(countDescriptors(proxy.pid).others - before.others, connections * 2)
    assert.ok(memoryOf(proxy) - bytesBefore < connections * idleBytesMax + slackBytes)

    for (const bytes of [7, bulkBytes]) {
      for (const [i, client] of clients.entries()) await ask(client, i, bytes)
    }
    await eventually(
      () => countDescriptors(proxy.pid).pipes - before.pipes <= keptDescriptors,
      () => `${countDescriptors(proxy.pid).pipes} descriptors of pipes are open while all is idle`,
    )
    const used = (memoryOf(proxy) - bytesBefore) / connections
    t.diagnostic(`${used.toFixed(0)} bytes for each after it was used`)
    assert.ok(memoryOf(proxy) - bytesBefore < connections * idleBytesMax + slackBytes)

    for (const client of clients.splice(0)) client.destroy()
    await eventually(
      () => countDescriptors(proxy.pid).others <= before.others,
      () => 'descriptors stay open',
    )
    assert.equal((await proxy.stop()).code, 0)
  })
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Sends bytes of its own, and waits until they are back. */
async function ask(client: Socket, index: number, bytes: number): Promise<void> {
  const sent = Buffer.alloc(bytes, `${index} `)
  const chunks: Buffer[] = []
  let received = 0
  client.write(sent)
  await new Promise<void>(resolve => {
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk)
      received += chunk.length
      if (received < bytes) return
      client.off('data', onData)
      resolve()
    }
    client.on('data', onData)
  })
  assert.ok(Buffer.concat(chunks).equals(sent))
}

/** Bytes of memory that are the process's own. */
function memoryOf({ pid }: Running): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)![1])
  return (kib('RssAnon') + kib('RssShmem')) * KiB
}

function descriptorsMax(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 0)
}
