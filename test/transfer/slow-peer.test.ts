/**
 * Memory that is used again at once while a peer on the same machine has not read it yet. Its unread queue refers to
 * the sender's own pages: nothing that the sender can ask says when it is done with them.
 */
import assert from 'node:assert/strict'
import { randomFillSync } from 'node:crypto'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { Pool } from '#sluice/memory/pool.js'
import { Region } from '#sluice/memory/region.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import { holdSocket } from '#sluice/transfer/ends/socket-hold.js'
import { holdMemory } from '#sluice/transfer/memory-pieces.js'
import { needsAddon } from '../support/addon.js'
import { sha256 } from '../support/contents.js'
import { memoryPaths, pagePaths, sendMemory } from '../support/memory-flows.js'
import { socketPair } from '../support/sockets.js'

const length = 32 * KiB

for (const kind of ['TCP', 'Unix'] as const) {
  for (const path of pagePaths) {
    test(
      `${path}, ${kind}: bytes that were promised to be stable and are not reach the peer changed`,
      needsAddon,
      async t => {
        const { socket, peer } = await socketPair(t, { kind, reading: false })
        const region = new Region({ bytes: length })
        t.after(() => region.close())
        region.bytes.fill('A'.charCodeAt(0))
        await sendMemory(path, await holdSocket(socket), holdMemory(memory(region, { stable: true })))
        region.bytes.fill('B'.charCodeAt(0))
        assert.ok((await peer.take(length)).every(byte => byte === 'B'.charCodeAt(0)))
      },
    )
  }

  for (const path of memoryPaths) {
    if (path === 'zerocopy' && kind === 'Unix') continue
    test(
      `${path}, ${kind}: a slot that is free again holds nothing that a peer is still to read`,
      needsAddon,
      async t => {
        const { socket, peer } = await socketPair(t, { kind, reading: false })
        const pool = new Pool({ slots: 1, slotBytes: length })
        t.after(() => pool.close())
        const sent: Buffer[] = []
        for (let count = 0; count < 2; count++) {
          const lease = await pool.take()
          randomFillSync(lease.bytes)
          sent.push(Buffer.from(lease.bytes))
          await sendMemory(path, await holdSocket(socket), holdMemory(memory(lease)))
        }
        pool.tryTake()!.bytes.fill(0xee)
        const received = await peer.take(2 * length)
        assert.equal(sha256(received), sha256(Buffer.concat(sent)))
      },
    )
  }
}
