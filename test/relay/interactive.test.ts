/** What is small is sent on at once, also on a connection that was bulk before. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { needsAddon } from '../support/addon.js'
import { dial, echo, openProxy, upstream } from './support.js'

/** Much, so that the stream counts as bulk, by its rate, for as long as that needs. */
const bulkBytes = 48 * MiB
const rounds = 200

for (const mirrors of [false, true]) {
  const name = mirrors ? ', with a mirror' : ''
  test(
    `single bytes come back one at a time between bulk, in both directions${name}`,
    needsAddon,
    async t => {
      const sleeping = await upstream(t, socket => void socket.resume())
      const mirror = mirrors ? { to: `tcp:${sleeping}` } : undefined
      const proxy = await openProxy(t, { upstreams: [await upstream(t, echo)], mirror })
      const client = (await dial(t, proxy)).setNoDelay()
      for (let phase = 0; phase < 2; phase++) {
        await talk(client)
        const back = take(client, bulkBytes)
        client.write(Buffer.alloc(bulkBytes, 'bulk'))
        await back
      }
      // Each byte is waited for before the next is sent: one that stays anywhere hangs it.
      await talk(client)
      const { toUpstreamSpliced, toClientSpliced } = proxy.counters
      assert.ok(toUpstreamSpliced > 0 && toClientSpliced > 0, 'what is bulk was spliced')
    },
  )
}

async function talk(client: Socket): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const answer = once(client, 'data')
    client.write(Buffer.of(round))
    const [bytes] = await answer
    assert.deepEqual([...bytes], [round])
  }
}

async function take(client: Socket, bytes: number): Promise<void> {
  let left = bytes
  await new Promise<void>(resolve => {
    const onData = (chunk: Buffer): void => {
      left -= chunk.length
      if (left > 0) return
      client.off('data', onData)
      resolve()
    }
    client.on('data', onData)
  })
  assert.equal(left, 0)
}
