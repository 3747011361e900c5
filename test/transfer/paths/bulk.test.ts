/** When a flow counts as bulk, what is asked of the kernel then, and how a tail gets through all the same. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { KiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import { Bulk } from '#sluice/transfer/paths/bulk.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../../support/addon.js'
import { eventually } from '../../support/eventually.js'
import { nativeWith } from '../../support/scripted-native.js'
import { temporaryFolder } from '../../support/temporary.js'

test('what comes fast for a while is bulk, and what comes slowly is not', needsAddon, t => {
  const { come, bulk, options, proved } = scripted(t)
  come(256 * KiB, 10)
  come(100, 10)
  come(100 * KiB, 1)
  assert.deepEqual(options, [])
  come(2 * MiB, 5)
  assert.equal(options.length, 1)
  assert.equal(proved(), 1)
  assert.ok(options[0]! >= 128 * KiB)
  bulk.end(true)
  assert.equal(options[1], 1)
})

test('what had been taken before does not make it bulk', needsAddon, t => {
  const { come, bulk, options } = scripted(t, { takenBytes: 100 * MiB })
  come(100, 5)
  assert.deepEqual(options, [])
  come(2 * MiB, 5)
  assert.equal(options.length, 1)
  bulk.end(true)
})

test('what is no TCP socket has no such option, but proves itself', needsAddon, t => {
  const { come, bulk, options, proved } = scripted(t, { isTcp: false })
  come(2 * MiB, 5)
  assert.equal(proved(), 1)
  bulk.end(true)
  assert.deepEqual(options, [])
})

test('an option that the program has raised is left alone', needsAddon, t => {
  const { come, bulk, options } = scripted(t, { original: 100 })
  come(2 * MiB, 5)
  bulk.end(true)
  assert.deepEqual(options, [])
})

test('of a descriptor that is closed nothing is put back', needsAddon, t => {
  const { come, bulk, options } = scripted(t)
  come(2 * MiB, 5)
  bulk.end(false)
  assert.equal(options.length, 1)
})

test('when nothing comes the option is put back, and more is needed the next time', needsAddon, async t => {
  const { come, bulk, options, quiet } = scripted(t)
  come(2 * MiB, 5)
  await eventually(
    () => quiet() === 1,
    () => 'it was not noticed',
  )
  assert.equal(options[1], 1)
  come(2 * MiB, 5)
  assert.equal(options.length, 2)
  come(2 * MiB, 5)
  assert.equal(options.length, 3)
  bulk.end(true)
})

for (const sinkKind of ['socket', 'file'] as const) {
  test(`to a ${sinkKind}: small tails and the end come through after much, at once`, needsAddon, async t => {
    const { source, sink, write } = await farSides(t)
    let [arrived, highest] = [0, 0]
    const to = sinkKind === 'socket' ? socket(sink) : file(join(temporaryFolder(t), 'sink.bin'))
    const sent = transfer(socket(source), to, {
      onProgress: bytes => {
        arrived = bytes
        highest = Math.max(highest, lowWater(source))
      },
    })
    let total = 0
    for (let round = 0; highest === 1 || round < 3; round++) {
      for (const bytes of [32 * MiB, 1, 7]) {
        total += bytes
        write(bytes)
        await eventually(
          () => arrived === total,
          () => `${total - arrived} bytes stay where they are`,
        )
      }
    }
    write(0)
    assert.equal((await sent).bytes, total)
    assert.equal(lowWater(source), 1)
  })
}

/** Two connections to a thread of its own, so that what arrives does not wait for what is tested. */
async function farSides(
  t: TestContext,
): Promise<{ source: Socket; sink: Socket; write: (bytes: number) => void }> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const worker = new Worker(new URL('../children/far-sides.js', import.meta.url), { workerData: { port } })
  const [source] = (await once(server, 'connection')) as [Socket]
  const [sink] = (await once(server, 'connection')) as [Socket]
  t.after(async () => {
    await worker.terminate()
    source.destroy()
    sink.destroy()
    server.close()
  })
  return { source, sink, write: bytes => worker.postMessage(bytes) }
}

function lowWater(source: Parameters<typeof descriptorOf>[0]): number {
  const fd = descriptorOf(source)
  return fd < 0 ? 1 : native!.getsockoptInt(fd, native!.SOL_SOCKET, native!.SO_RCVLOWAT)
}

/** A judge of a flow whose socket has the option at `original`; `options`: what it was set to. */
function scripted(t: TestContext, { isTcp = true, original = 1, takenBytes = 0 } = {}) {
  const options: number[] = []
  let [proofs, quiets] = [0, 0]
  let [now, taken] = [0, takenBytes]
  t.mock.method(performance, 'now', () => now)
  const calls = nativeWith({
    getsockoptInt: () => original,
    setsockoptInt: (_fd, _level, _name, value) => {
      options.push(value)
      return 0
    },
  })
  const bulk = new Bulk(
    calls,
    { fd: 1000, isTcp, takenBytes },
    () => proofs++,
    () => quiets++,
  )
  /** So many bytes come in so many milliseconds, and then it is waited for more. */
  const come = (bytes: number, ms: number): void => {
    bulk.go()
    taken += bytes
    now += ms
    bulk.wait(taken)
  }
  return { bulk, come, options, proved: () => proofs, quiet: () => quiets }
}
