/** Sockets, pipes and streams to a file: every byte, in its place, by either path, and what ends it before its time. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { sha256 } from '../support/contents.js'
import { openDescriptors } from '../support/descriptors.js'
import { eventually, watchdogMs } from '../support/eventually.js'
import { repository } from '../support/repository.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'
import { type BareKind, bareSource } from './bare-ends.js'

const paths = ['splice', 'copy'] as const

for (const prefer of paths) {
  for (const kind of ['TCP', 'Unix', 'pipe'] as const satisfies readonly BareKind[]) {
    test(`${prefer} from a ${kind} that is known by its descriptor`, needsAddon, async t => {
      const { fd, far } = await bareSource(t, kind)
      const to = join(temporaryFolder(t), 'sink.bin')
      const bytes = randomBytes(5 * MiB + 1)
      far.end(bytes)
      const result = await transfer(pipe(fd), file(to), { prefer })
      assert.deepEqual([result.bytes, result.path], [bytes.length, prefer])
      assert.equal(result.copied, prefer === 'copy' ? bytes.length : 0)
      assert.equal(sha256(readFileSync(to)), sha256(bytes))
    })
  }

  test(`${prefer} writes from the sink's start on, and keeps what lies around`, async t => {
    const { socket: source, peer } = await socketPair(t)
    const to = join(temporaryFolder(t), 'sink.bin')
    writeFileSync(to, '0123456789')
    peer.socket.end('abc')
    await transfer(socket(source), file(to, { start: 4, flags: 'r+' }), { prefer })
    assert.equal(readFileSync(to, 'utf8'), '0123abc789')
  })

  test(`${prefer} empties a file, unless it is open already`, async t => {
    const to = join(temporaryFolder(t), 'sink.bin')
    writeFileSync(to, '0123456789')
    const handle = await open(to, 'r+')
    t.after(() => handle.close())
    for (const [sink, left] of [
      [file(handle), 'abc3456789'],
      [file(to), 'abc'],
    ] as const) {
      const { socket: source, peer } = await socketPair(t)
      peer.socket.end('abc')
      await transfer(socket(source), sink, { prefer })
      assert.equal(readFileSync(to, 'utf8'), left)
    }
  })

  test(`${prefer} is aborted while it waits for the source, and both stay usable`, async t => {
    const { socket: source, peer } = await socketPair(t)
    const to = join(temporaryFolder(t), 'sink.bin')
    const aborter = new AbortController()
    peer.socket.write('first')
    const cut = transfer(socket(source), file(to), {
      prefer,
      signal: aborter.signal,
      onProgress: () => aborter.abort(),
    })
    await assert.rejects(cut, { code: 'ERR_SLUICE_ABORTED', bytes: 5 })
    peer.socket.end('second')
    await transfer(socket(source), file(to, { flags: 'a' }))
    assert.equal(readFileSync(to, 'utf8'), 'firstsecond')
  })

  test(`${prefer}: a source that is reset, or destroyed here, has failed`, async t => {
    for (const [end, code] of [
      ['reset', 'ERR_SLUICE_PEER_CLOSED'],
      ['destroy', 'ERR_SLUICE_SOCKET_CLOSED'],
    ] as const) {
      const { socket: source, peer } = await socketPair(t)
      source.on('error', () => {})
      const to = join(temporaryFolder(t), 'sink.bin')
      peer.socket.write('some')
      const written = transfer(socket(source), file(to), {
        prefer,
        onProgress: () => (end === 'reset' ? peer.socket.resetAndDestroy() : source.destroy()),
      })
      await assert.rejects(written, { code, bytes: 4 })
      assert.equal(readFileSync(to, 'utf8'), 'some')
    }
  })

  test(`${prefer}: what onProgress throws ends it`, async t => {
    const { socket: source, peer } = await socketPair(t)
    const thrown = new Error('enough')
    peer.socket.write('some')
    const onProgress = (): void => {
      throw thrown
    }
    const to = join(temporaryFolder(t), 'sink.bin')
    await assert.rejects(transfer(socket(source), file(to), { prefer, onProgress }), thrown)
  })

  test(`${prefer}: a file that may not become so large says what to do`, async t => {
    const child = join(
      repository,
      'build',
      'dev',
      'test',
      'transfer',
      'children',
      'socket-to-limited-file.js',
    )
    const to = join(temporaryFolder(t), 'sink.bin')
    const words = [process.execPath, child, to, prefer]
    const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -f 1000; exec "$@"', 'sh', ...words], {
      encoding: 'utf8',
      timeout: watchdogMs,
    })
    assert.equal(stdout, 'ERR_SLUICE_SYSCALL EFBIG ulimit -f\n', stderr)
    assert.equal(statSync(to).size, 1000 * 512)
  })

  test(`${prefer}: transfers, some cut short, leave no descriptors open`, async t => {
    const to = join(temporaryFolder(t), 'sink.bin')
    const one = async (cut: boolean): Promise<void> => {
      const { socket: source, peer } = await socketPair(t)
      if (cut) peer.socket.write('x')
      else peer.socket.end(randomBytes(100_000))
      const onProgress = (): void => void (cut && source.destroy())
      await transfer(socket(source), file(to), { prefer, onProgress }).catch(() => {})
      source.destroy()
      peer.socket.destroy()
    }
    for (let count = 0; count < 3; count++) await one(count === 1)
    // Each pair's listener stays until the end of the test.
    const others = (): number => openDescriptors().filter(name => !name.startsWith('socket:')).length
    const before = others()
    for (let count = 0; count < 40; count++) await one(count % 4 === 0)
    assert.equal(others(), before)
  })
}

test('what Node had read before goes first', async t => {
  const { socket: source, peer } = await socketPair(t)
  const to = join(temporaryFolder(t), 'sink.bin')
  peer.socket.write('early ')
  source.once('readable', () => {})
  await eventually(
    () => source.readableLength === 6,
    () => 'Node read nothing',
  )
  peer.socket.end('late')
  const { bytes, copied, path } = await transfer(socket(source), file(to))
  assert.deepEqual([bytes, path], [10, pathTaken('splice')])
  assert.equal(copied, path === 'splice' ? 6 : 10)
  assert.equal(readFileSync(to, 'utf8'), 'early late')
})

test('a file that is open for appending is copied to, at its end', async t => {
  const to = join(temporaryFolder(t), 'sink.bin')
  for (const text of ['one ', 'two']) {
    const { socket: source, peer } = await socketPair(t)
    peer.socket.end(text)
    const { path, why } = await transfer(socket(source), file(to, { flags: 'a' }), { prefer: 'splice' })
    assert.equal(path, 'copy')
    assert.match(why, /O_APPEND|there is no addon/)
  }
  assert.equal(readFileSync(to, 'utf8'), 'one two')
})

test('a device is copied to, and what it says is an error with a remedy', async t => {
  const { socket: source, peer } = await socketPair(t)
  peer.socket.end('more than fits')
  const error = await transfer(socket(source), file('/dev/full', { flags: 'r+' })).then(
    () => assert.fail('it was to fail'),
    reason => reason,
  )
  assert.deepEqual([error.code, error.bytes], ['ERR_SLUICE_SYSCALL', 0])
  assert.match(error.message, /ENOSPC.*Free space/)
})

test('a stream without a descriptor is copied', async t => {
  const to = join(temporaryFolder(t), 'sink.bin')
  const { path, bytes } = await transfer(
    Readable.from([Buffer.from('any '), Buffer.from('stream')]),
    file(to),
  )
  assert.deepEqual([path, bytes], ['copy', 10])
  assert.equal(readFileSync(to, 'utf8'), 'any stream')
})

test('the plan says why, before the file is open', async t => {
  const { socket: source } = await socketPair(t)
  assert.equal(plan(socket(source), file('any')).path, pathTaken('splice'))
  assert.match(plan(socket(source), file('any', { flags: 'a' })).why, /O_APPEND|there is no addon/)
})

test('an end for the sink is refused, and a sink that cannot be opened changes nothing', async t => {
  const { socket: source, peer } = await socketPair(t)
  const folder = temporaryFolder(t)
  await assert.rejects(transfer(socket(source), file(join(folder, 'sink'), { end: 3 })), {
    code: 'ERR_SLUICE_OPTION',
  })
  await assert.rejects(transfer(socket(source), file(join(folder, 'missing', 'sink'))), {
    code: 'ERR_SLUICE_FILE',
  })
  const to = join(folder, 'sink.bin')
  peer.socket.end('still there')
  await transfer(socket(source), file(to))
  assert.equal(readFileSync(to, 'utf8'), 'still there')
})

test('a sink that is not open for writing says so', async t => {
  const { socket: source, peer } = await socketPair(t)
  const to = join(temporaryFolder(t), 'sink.bin')
  writeFileSync(to, '')
  const fd = openSync(to, 'r')
  t.after(() => closeSync(fd))
  peer.socket.end('x')
  await assert.rejects(transfer(socket(source), file(fd)), /EBADF.*Open the sink for writing/)
})
