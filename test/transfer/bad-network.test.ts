/**
 * Memory over a link that delays and loses: what is sent twice, or waits in a queue of the network card's, is read
 * again long after it was taken. Every slot is overwritten as soon as it is free.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KiB, MiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { native } from '#sluice/native/load.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { holdSocket } from '#sluice/transfer/ends/socket-hold.js'
import { holdMemory } from '#sluice/transfer/memory-pieces.js'
import { needsAddon } from '../support/addon.js'
import { run } from '../support/command.js'
import { type MemoryPath, memoryPaths, startFlow } from '../support/memory-flows.js'
import type { Ending } from '../support/sockets.js'
import { type FarSide, farSide, withoutNamespaces } from '../support/veth.js'

const slotBytes = 64 * KiB
const totalBytes = 3 * MiB
const child = fileURLToPath(new URL('children/slow-reader.js', import.meta.url))
const needs = native === null ? needsAddon : { skip: withoutNamespaces() }

test('what arrives is what was sent, by every path', needs, async t => {
  const far = farSide(t)
  const lost = await Promise.all(memoryPaths.map(path => send(t, path, far)))
  t.diagnostic(`${far.weather}: segments sent again by path: ${lost.join(', ')}`)
  assert.ok(
    lost.some(count => count > 0),
    'the network lost nothing: this proves nothing',
  )
})

/** → how many segments the connection had to send again. */
async function send(t: Ending, path: MemoryPath, { address, prefix }: FarSide): Promise<number> {
  const reader = run(prefix[0]!, [...prefix.slice(1), process.execPath, child])
  const port = Number((await reader.line(/^port (\d+)$/m))[1])
  const socket = connect(port, address)
  t.after(() => {
    socket.destroy()
    return reader.stop('SIGKILL')
  })
  const pool = new Pool({ slots: 3, slotBytes })
  const hash = createHash('sha256')
  const releases: Promise<void>[] = []
  for (let sent = 0; sent < totalBytes; sent += slotBytes) {
    const lease = await pool.take()
    lease.bytes.fill(sent / slotBytes)
    lease.bytes[sent % slotBytes] = 0xff
    hash.update(lease.bytes)
    const held = holdMemory(memory(lease))
    const running = startFlow(path, await holdSocket(socket), held)
    releases.push(
      running.released.then(() => {
        // Free: from now on these bytes are anybody's.
        held.views[0]!.fill(0xee)
        held.release()
      }),
    )
    assert.equal((await running.sent).error, null)
  }
  await Promise.all(releases)
  const again = retransmissions(socket)
  socket.end()
  const [, bytes, digest] = await reader.line(/^received (\d+) (\w{64})$/m)
  await reader.finished()
  assert.equal(Number(bytes), totalBytes, path)
  assert.equal(digest, hash.digest('hex'), path)
  await pool.close()
  return again
}

/** struct tcp_info of linux/tcp.h: tcpi_total_retrans. */
function retransmissions(socket: Socket): number {
  const tcpInfo = 11
  const totalRetransAt = 100
  const info = Buffer.alloc(256)
  const filled = native!.getsockoptBytes(descriptorOf(socket), native!.IPPROTO_TCP, tcpInfo, info)
  assert.ok(filled > totalRetransAt)
  return info.readUInt32LE(totalRetransAt)
}
