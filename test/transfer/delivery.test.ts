/** Several sinks, as the proxy's mirrors use them: whose failure it was, a source that breaks off, and tee or nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SluiceError } from '#sluice/base/errors.js'
import { MiB } from '#sluice/base/units.js'
import { socket } from '#sluice/transfer/ends/endpoints.js'
import { deliverToSeveral } from '#sluice/transfer/jobs/several.js'
import type { DeliveryOptions } from '#sluice/transfer/jobs/several-types.js'
import { needsAddon } from '../support/addon.js'
import { severalPaths, sinkSockets, sourceSocket, stalls } from '../support/several-ends.js'

/** Far more than all that is on the way holds; written as it is taken. */
const endless = Buffer.alloc(MiB, 'more ')
const endlessCount = 64

for (const prefer of severalPaths) {
  for (const index of [0, 1]) {
    test(
      `${prefer}: sink ${index} fails, and the others' bytes are told all the same`,
      needsAddon,
      async t => {
        const { source, from } = await sourceSocket(t)
        const { sinks, peers } = await sinkSockets(t, 2)
        const delivered = deliverToSeveral(socket(source), sinks.map(socket), { prefer })
        from.socket.write('some')
        for (const peer of peers) await peer.take(4)
        sinks[index]!.destroy()
        from.socket.write('more')
        const { error, failedSink, result } = await delivered
        assert.equal((error as SluiceError).code, 'ERR_SLUICE_SOCKET_CLOSED')
        assert.equal(failedSink, index)
        assert.equal(result.sinks[index]!.bytes, 4)
        assert.ok(result.sinks[1 - index]!.bytes >= 4)
      },
    )
  }

  test(`${prefer}: a source that is reset is no sink's failure`, needsAddon, async t => {
    const { source, from } = await sourceSocket(t)
    const { sinks, peers } = await sinkSockets(t, 2)
    const delivered = deliverToSeveral(socket(source), sinks.map(socket), { prefer })
    from.socket.write('some')
    for (const peer of peers) await peer.take(4)
    from.socket.resetAndDestroy()
    const { error, failedSink, result } = await delivered
    assert.equal((error as SluiceError).code, 'ERR_SLUICE_PEER_CLOSED')
    assert.equal(failedSink, -1)
    assert.deepEqual(
      result.sinks.map(({ bytes }) => bytes),
      [4, 4],
    )
  })
}

test('an end that does well has no error', needsAddon, async t => {
  const { source, from } = await sourceSocket(t)
  const { sinks } = await sinkSockets(t, 2)
  from.socket.end('all')
  const { error, failedSink, result } = await deliverToSeveral(socket(source), sinks.map(socket), {})
  assert.deepEqual([error, failedSink, result.bytes], [null, -1, 3])
})

for (const stalled of [0, 1]) {
  test(
    `a source that is reset while sink ${stalled} takes nothing ends it, where that is asked for`,
    needsAddon,
    async t => {
      const { from, peers, delivered } = await stalledDelivery(t, stalled, { cutsStalled: true })
      from.socket.resetAndDestroy()
      const { error, failedSink, result } = await delivered
      assert.equal((error as SluiceError).code, 'ERR_SLUICE_PEER_CLOSED')
      assert.equal(failedSink, -1)
      assert.ok(
        peers[stalled]!.bytes < result.sinks[stalled]!.bytes,
        'what was on its way has not been waited for',
      )
    },
  )
}

test('where tee is not to be had, nothing is copied that is only to be duplicated', needsAddon, async t => {
  const { source, from } = await sourceSocket(t)
  const { sinks, peers } = await sinkSockets(t, 2)
  from.socket.end('all of it')
  const options: DeliveryOptions = { prefer: 'copy', teeOnly: true }
  const { error, result } = await deliverToSeveral(socket(source), sinks.map(socket), options)
  assert.ok(error instanceof Error)
  assert.equal(result.bytes, 0)
  await deliverToSeveral(socket(source), sinks.map(socket), {})
  for (const peer of peers) assert.equal(String(await peer.take(9)), 'all of it')
})

/** One of two sinks takes nothing, and the source has more than is on the way. */
async function stalledDelivery(
  t: Parameters<typeof sourceSocket>[0],
  stalled: number,
  options: DeliveryOptions,
): Promise<{
  from: Awaited<ReturnType<typeof sourceSocket>>['from']
  peers: Awaited<ReturnType<typeof sinkSockets>>['peers']
  delivered: ReturnType<typeof deliverToSeveral>
}> {
  const { source, from } = await sourceSocket(t)
  const { sinks, peers } = await sinkSockets(t, 2)
  peers[stalled]!.socket.pause()
  const delivered = deliverToSeveral(socket(source), sinks.map(socket), options)
  for (let count = 0; count < endlessCount; count++) from.socket.write(endless)
  await stalls(() => peers[1 - stalled]!.bytes)
  assert.ok(peers[1 - stalled]!.bytes > 0 && from.socket.writableLength > 0, 'it has not stalled')
  return { from, peers, delivered }
}
