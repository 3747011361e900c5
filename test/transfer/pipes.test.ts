/** Files to pipes: what fills them, closes them and shares them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { file, pipe, socket } from '#sluice/transfer/ends/endpoints.js'
import type { TransferOptions } from '#sluice/transfer/jobs/job.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { run } from '../support/command.js'
import { randomFile, sha256 } from '../support/contents.js'
import { eventually, pause } from '../support/eventually.js'
import { isNonBlocking, openFifo } from '../support/fifo.js'
import { temporaryFolder } from '../support/temporary.js'

/** More than any pipe holds. */
const length = 8 * MiB
const pipePaths = ['sendfile', 'splice', 'copy'] as const

for (const prefer of pipePaths) {
  test(`${prefer}: a full pipe is waited for, and its flags are put back`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
    const { fd, reader } = openFifo(t, { reading: false })
    let sent = 0
    const sending = transfer(file(path), pipe(fd), { prefer, onProgress: sentBytes => (sent = sentBytes) })
    if (native !== null)
      await eventually(
        () => sent > 0,
        () => 'nothing was sent',
      )
    assert.ok(sent < length)
    if (native !== null) assert.ok(isNonBlocking(fd), 'nobody waits in the kernel')
    const received = reader.take(length)
    const result = await sending
    assert.equal(result.path, pathTaken(prefer))
    assert.equal(sha256(await received), sha256(bytes))
    assert.ok(!isNonBlocking(fd))
  })

  test(`${prefer}: a pipe that nobody reads any more is closed by its peer`, async t => {
    const { path } = randomFile(temporaryFolder(t), 'file.bin', length)
    const { fd, reader } = openFifo(t, { reading: false })
    const sending = transfer(file(path), pipe(fd), { prefer })
    sending.catch(() => {})
    await pause(20)
    reader.close()
    const error = await rejection(sending)
    assert.equal(error.code, 'ERR_SLUICE_PEER_CLOSED')
    assert.match(error.message, /EPIPE/)
    assert.ok(error.bytes < length)
    assert.ok(!isNonBlocking(fd))
    const again = await rejection(transfer(file(path), pipe(fd), { prefer }))
    assert.equal(again.code, 'ERR_SLUICE_PEER_CLOSED')
    assert.equal(again.bytes, 0)
  })

  test(`${prefer}: an abort ends it with a full pipe, and what is in the pipe is what was counted`, async t => {
    const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
    const { fd, reader, end } = openFifo(t, { reading: false })
    const controller = new AbortController()
    const options: TransferOptions = { prefer, signal: controller.signal }
    const sending = transfer(file(path), pipe(fd), options)
    sending.catch(() => {})
    await pause(50)
    controller.abort()
    // Without the addon a thread waits in the kernel, until somebody reads.
    const received = native === null ? reader.take() : null
    const error = await rejection(sending)
    assert.equal(error.code, 'ERR_SLUICE_ABORTED')
    end()
    const got = await (received ?? reader.take())
    assert.equal(got.length, error.bytes)
    assert.equal(sha256(got), sha256(bytes.subarray(0, error.bytes)))
  })
}

test('what the descriptor is decides, not what it was called', needsAddon, async t => {
  const { fd } = openFifo(t)
  const { path } = randomFile(temporaryFolder(t), 'file.bin', 10)
  const asSocket = plan(file(path), socket(fd))
  assert.deepEqual(asSocket, plan(file(path), pipe(fd)))
  const rejected = asSocket.rejected.find(other => other.path === 'zerocopy')!
  assert.match(rejected.why, /only TCP/)
  for (const device of ['/dev/null', path]) {
    const other = openSync(device, 'a')
    const { path: taken, why } = plan(file(path), pipe(other))
    assert.deepEqual([taken, why], ['copy', 'the descriptor is neither a socket nor a pipe'])
    assert.equal((await transfer(file(path), pipe(other))).path, 'copy')
  }
})

test('a stream over a pipe that blocks is not blocked on', needsAddon, async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  const { fd, reader } = openFifo(t, { reading: false })
  const stream = new Socket({ fd: openSync(`/proc/self/fd/${fd}`, 'w'), readable: false, writable: true })
  t.after(() => stream.destroy())
  const own = (stream as unknown as { _handle: { fd: number } })._handle.fd
  assert.equal(native!.setNonBlocking(own, 0), 1)
  const sending = transfer(file(path), pipe(stream))
  await pause(20)
  assert.equal(sha256(await reader.take(length)), sha256(bytes))
  assert.equal((await sending).bytes, length)
  assert.ok(!isNonBlocking(own))
})

test('a child’s stdin, which is a socket in truth', async t => {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', 1 * MiB)
  const child = spawn('sha256sum', { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', chunk => (output += chunk))
  const { path: taken } = await transfer(file(path), child.stdin)
  child.stdin.end()
  await new Promise(resolve => child.once('close', resolve))
  assert.equal(output.slice(0, 64), sha256(bytes))
  if (native !== null) assert.ok(taken === 'sendfile' || taken === 'splice', taken)
})

for (const [name, tail] of Object.entries({ 'a pipe': '| cat', 'a file': '> out; cat out' })) {
  test(`process.stdout, where that is ${name}`, async t => {
    const folder = temporaryFolder(t)
    const { path } = randomFile(folder, 'file.bin', 300 * KiB)
    const program = fileURLToPath(new URL('./children/print.js', import.meta.url))
    const command = `cd "$3"; "$1" "$2" "$4" ${tail}`
    const child = run('sh', ['-c', `(${command}) | sha256sum`, 'sh', process.execPath, program, folder, path])
    const { code, stdout, stderr } = await child.finished()
    assert.equal(code, 0, stderr)
    const check = run('sha256sum', [path])
    assert.equal(stdout.slice(0, 64), (await check.finished()).stdout.slice(0, 64))
    const wanted = name === 'a pipe' ? pathTaken('sendfile') : 'copy'
    const sent = /^(\w+) /.exec(stderr)![1]
    assert.ok(sent === wanted || (wanted === 'sendfile' && sent === 'splice'), stderr)
  })
}

function rejection(promise: Promise<unknown>): Promise<Error & { code: string; bytes: number }> {
  return promise.then(
    () => assert.fail('it did not fail'),
    error => error,
  )
}
