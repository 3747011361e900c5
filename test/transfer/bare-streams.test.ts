/** Sockets and pipes that are known by their descriptors, as sources and sinks, in every pairing. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { sha256 } from '../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { watchdogMs } from '../support/eventually.js'
import { repository } from '../support/repository.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { bareKinds, bareSink, bareSource, read } from './bare-ends.js'

const page = 4 * KiB

for (const prefer of ['splice', 'copy'] as const) {
  for (const from of bareKinds) {
    for (const to of bareKinds) {
      const suite = `${prefer} from ${from} to ${to}`

      test(`${suite}: every byte arrives, and the descriptors are as they were`, needsAddon, async t => {
        for (const length of [0, 1, page - 1, page, page + 1, 3 * MiB + 17]) {
          const source = await bareSource(t, from)
          const sink = await bareSink(t, to)
          const bytes = randomBytes(length)
          source.far.end(bytes)
          const received = read(sink.far, Math.max(length, 1))
          const waits = isWaiting(source.fd) && isWaiting(sink.fd)
          const result = await transfer(pipe(source.fd), socket(sink.fd), { prefer })
          assert.deepEqual([result.bytes, result.path], [length, prefer])
          assert.equal(result.copied, prefer === 'copy' ? length : 0)
          assert.equal(isWaiting(source.fd) && isWaiting(sink.fd), waits)
          if (length > 0) assert.equal(sha256(await received), sha256(bytes))
          source.far.destroy()
          sink.far.destroy()
        }
      })

      test(`${suite}: a slow reader gets all of it`, needsAddon, async t => {
        const source = await bareSource(t, from)
        const sink = await bareSink(t, to)
        const bytes = randomBytes(9 * MiB + 5)
        source.far.end(bytes)
        const sent = transfer(socket(source.fd), pipe(sink.fd), { prefer })
        await new Promise(resolve => setTimeout(resolve, 30))
        const received = read(sink.far, bytes.length)
        for (let pauses = 0; pauses < 5; pauses++) {
          await new Promise(resolve => setTimeout(resolve, 5))
          sink.far.pause()
          await new Promise(resolve => setTimeout(resolve, 5))
          sink.far.resume()
        }
        assert.equal((await sent).bytes, bytes.length)
        assert.equal(sha256(await received), sha256(bytes))
      })

      test(`${suite}: an abort ends it, and what comes later can be sent`, needsAddon, async t => {
        const source = await bareSource(t, from)
        const sink = await bareSink(t, to)
        const aborter = new AbortController()
        const received = read(sink.far, 11)
        const cut = transfer(socket(source.fd), socket(sink.fd), {
          prefer,
          signal: aborter.signal,
          onProgress: () => aborter.abort(),
        })
        source.far.write('first')
        await assert.rejects(cut, { code: 'ERR_SLUICE_ABORTED', bytes: 5 })
        source.far.end('second')
        await transfer(socket(source.fd), socket(sink.fd), { prefer })
        assert.equal((await received).toString(), 'firstsecond')
      })

      test(`${suite}: a reader that has gone ends it`, needsAddon, async t => {
        const source = await bareSource(t, from)
        const sink = await bareSink(t, to)
        const sent = transfer(socket(source.fd), socket(sink.fd), { prefer })
        source.far.write(randomBytes(2 * MiB))
        setTimeout(() => (to === 'TCP' ? sink.far.resetAndDestroy() : sink.far.destroy()), 20)
        const again = setInterval(() => source.far.write('more'), 5)
        t.after(() => clearInterval(again))
        await assert.rejects(sent, { code: 'ERR_SLUICE_PEER_CLOSED' })
      })
    }
  }
}

test(
  'both directions of one connection by one descriptor do not wait for each other',
  needsAddon,
  async t => {
    const left = await bareSource(t, 'Unix')
    const right = await bareSource(t, 'Unix')
    const [there, back] = [randomBytes(2 * MiB), randomBytes(1 * MiB)]
    const received = [read(right.far, there.length), read(left.far, back.length)] as const
    left.far.end(there)
    const first = transfer(socket(left.fd), socket(right.fd))
    const second = transfer(socket(right.fd), socket(left.fd))
    assert.equal((await first).bytes, there.length)
    // The descriptors still must not wait: the other direction uses them.
    assert.equal(isWaiting(left.fd), false)
    right.far.end(back)
    assert.equal((await second).bytes, back.length)
    assert.ok(isWaiting(left.fd) && isWaiting(right.fd))
    assert.equal(sha256(await received[0]), sha256(there))
    assert.equal(sha256(await received[1]), sha256(back))
  },
)

test('the caller may close its descriptors once the transfer has begun', needsAddon, async t => {
  const source = await bareSource(t, 'pipe')
  const sink = await bareSink(t, 'pipe')
  const received = read(sink.far)
  const sent = transfer(pipe(source.fd), pipe(sink.fd))
  closeSync(source.fd)
  closeSync(sink.fd)
  source.far.end('through all the same')
  await sent
  assert.equal((await received).toString(), 'through all the same')
})

test('a descriptor is the source of one transfer at a time', needsAddon, async t => {
  const source = await bareSource(t, 'pipe')
  const sink = await bareSink(t, 'pipe')
  const first = transfer(pipe(source.fd), pipe(sink.fd))
  await assert.rejects(transfer(pipe(source.fd), pipe(sink.fd)), { code: 'ERR_SLUICE_IN_FLIGHT' })
  source.far.end()
  await first
})

test(
  'descriptors that are neither socket nor pipe are copied, and the result says so',
  needsAddon,
  async t => {
    const name = join(temporaryFolder(t), 'file.bin')
    const fd = openSync(name, 'w+')
    t.after(() => closeSync(fd))
    const source = await bareSource(t, 'pipe')
    source.far.end('to a file')
    const { path, why } = await transfer(pipe(source.fd), socket(fd))
    assert.equal(path, 'copy')
    assert.match(why, /the sink is neither a socket nor a pipe/)
    assert.equal(readFileSync(name, 'utf8'), 'to a file')
  },
)

test('ends that cannot be used that way round fail with a remedy', needsAddon, async t => {
  const [source, sink] = [await bareSource(t, 'pipe'), await bareSink(t, 'pipe')]
  const error = await transfer(pipe(sink.fd), pipe(source.fd)).then(
    () => assert.fail('it was to fail'),
    reason => reason,
  )
  assert.deepEqual([error.code, error.syscall], ['ERR_SLUICE_SYSCALL', 'splice'])
  assert.match(error.remedy, /for reading/)
})

test('a descriptor that is not open is told apart at once', needsAddon, async t => {
  const { fd } = await bareSink(t, 'pipe')
  const free = openSync('/dev/null', 'r')
  closeSync(free)
  await assert.rejects(transfer(pipe(free), pipe(fd)), { code: 'ERR_SLUICE_SYSCALL' })
})

test('streams of Node go in and out of descriptors', needsAddon, async t => {
  const bytes = randomBytes(300_000)
  const sink = await bareSink(t, 'pipe')
  const received = read(sink.far, bytes.length)
  const copied = await transfer(Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]), pipe(sink.fd))
  assert.deepEqual([copied.path, copied.bytes], ['copy', bytes.length])
  assert.equal(sha256(await received), sha256(bytes))

  const source = await bareSource(t, 'TCP')
  source.far.end(bytes)
  const through = new PassThrough({ highWaterMark: 1 * MiB })
  const { bytes: sent, path } = await transfer(socket(source.fd), through)
  assert.deepEqual([sent, path], [bytes.length, 'copy'])
  assert.equal(sha256(through.read(bytes.length) as Buffer), sha256(bytes))
})

test("a child's output goes to a socket by splice", needsAddon, async t => {
  const child = spawn('sh', ['-c', 'printf begin; head -c 1000000 /dev/zero; printf end'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { socket: sink, peer } = await socketPair(t)
  const { bytes, path } = await transfer(pipe(child.stdout), socket(sink))
  assert.deepEqual([bytes, path], [1_000_008, 'splice'])
  const received = await peer.take(bytes)
  assert.equal(received.subarray(0, 5).toString(), 'begin')
  assert.equal(received.subarray(-3).toString(), 'end')
})

test('what Node has read of a pipe before goes first, without a pipe between', needsAddon, async t => {
  const child = spawn('sh', ['-c', 'printf early; read line; printf late'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdout.on('readable', () => {})
  while (child.stdout.readableLength < 5) await new Promise(resolve => setTimeout(resolve, 1))
  const sink = await bareSink(t, 'pipe')
  const received = read(sink.far, 9)
  const sent = transfer(pipe(child.stdout), pipe(sink.fd))
  child.stdin.end('\n')
  const { copied, bytes } = await sent
  assert.deepEqual([copied, bytes], [5, 9])
  assert.equal((await received).toString(), 'earlylate')
})

test('transfers of descriptors leave none open', needsAddon, async t => {
  const one = async (): Promise<void> => {
    const source = await bareSource(t, 'pipe')
    const sink = await bareSink(t, 'pipe')
    source.far.end('x')
    await transfer(pipe(source.fd), pipe(sink.fd))
    closeSync(source.fd)
    closeSync(sink.fd)
    source.far.destroy()
    sink.far.destroy()
  }
  await one()
  const before = openDescriptors()
  for (let count = 0; count < 50; count++) await one()
  await descriptorsBackTo(before)
})

for (const to of ['socket', 'socket-later', 'file']) {
  test(`without descriptors for pipes it is copied to a ${to}`, needsAddon, t => {
    const child = join(repository, 'build', 'dev', 'test', 'transfer', 'children', 'relay-without-pipes.js')
    const words = [process.execPath, child, to, join(temporaryFolder(t), 'sink.bin')]
    const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', ...words], {
      encoding: 'utf8',
      timeout: watchdogMs,
    })
    assert.equal(stdout, 'as it should be\n', stderr)
  })
}

test('the plan knows what a descriptor truly is', needsAddon, async t => {
  const [source, sink] = [await bareSource(t, 'pipe'), await bareSink(t, 'TCP')]
  const { path, why } = plan(socket(source.fd), pipe(sink.fd))
  assert.equal(path, 'splice')
  assert.match(why, /from end to end/)
})

/** Whether calls on the descriptor wait. */
function isWaiting(fd: number): boolean {
  return (native!.fcntl(fd, native!.F_GETFL, 0) & native!.O_NONBLOCK) === 0
}
