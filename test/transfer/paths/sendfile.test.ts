/** The flow under results of sendfile that a kernel may give, but seldom does while one waits for it. */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { errnoName } from '#sluice/base/errors.js'
import { KiB, MiB } from '#sluice/base/units.js'
import { PollEngine } from '#sluice/engine/poll-engine.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { holdSocket, type SocketHold } from '#sluice/transfer/ends/socket-hold.js'
import { PathRefused } from '#sluice/transfer/paths/path-refused.js'
import { SendfileFlow } from '#sluice/transfer/paths/sendfile.js'
import { needsAddon } from '../../support/addon.js'
import { run } from '../../support/command.js'
import { without } from '../../support/commands.js'
import { evict, randomFile, sha256 } from '../../support/contents.js'
import { nativeSendfile, nativeWith } from '../../support/scripted-native.js'
import { underSeccomp } from '../../support/seccomp.js'
import { type Ending, type Peer, socketPair } from '../../support/sockets.js'
import { temporaryFolder } from '../../support/temporary.js'

const {
  EAGAIN,
  EBADF,
  EFAULT,
  EINTR,
  EINVAL,
  EIO,
  ENOMEM,
  ENOSYS,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  EPIPE,
  ESPIPE,
} = constants.errno
const { ECONNRESET } = constants.errno
const length = 3 * MiB + 5

test('an interrupted call is made again', needsAddon, async t => {
  const { native, calls } = nativeSendfile((call, count) => (call % 2 === 0 ? -EINTR : count))
  const { error, sentBytes, received, bytes } = await flow(t, native)
  assert.equal(error, null)
  assert.equal(sentBytes, length)
  assert.equal(sha256(received), sha256(bytes))
  assert.equal(calls.filter(({ result }) => result === -EINTR).length, calls.length / 2)
})

test('short counts, down to one byte, are gone on from', needsAddon, async t => {
  const { native, calls } = nativeSendfile((call, count) => (call < 500 ? 1 : Math.min(count, 64 * KiB + 1)))
  const { error, received, bytes } = await flow(t, native)
  assert.equal(error, null)
  assert.equal(sha256(received), sha256(bytes))
  assert.ok(calls.length > 500)
})

test('a full socket is waited for, though no event should tell', needsAddon, async t => {
  // The watch fails as well, so that each wait ends with the turn: the loop goes round in between.
  const { native: scripted, calls } = nativeSendfile((call, count) => (call % 2 === 0 ? -EAGAIN : count))
  const native = { ...scripted, epollControl: () => -constants.errno.ENOSPC }
  const { error, received, bytes } = await flow(t, native)
  assert.equal(error, null)
  assert.equal(sha256(received), sha256(bytes))
  assert.equal(calls.length, 8)
})

test('a step asks for at most 1 MiB, and never beyond the range', needsAddon, async t => {
  const { native, calls } = nativeSendfile((_call, count) => count)
  await flow(t, native, { start: 3 })
  assert.ok(calls.every(({ count }) => count <= 1 * MiB))
  assert.equal(Math.max(...calls.map(({ offset, count }) => offset + count)), length)
})

for (const [name, errno] of Object.entries({ EINVAL, ENOSYS, EOPNOTSUPP, EPERM })) {
  test(`${name} at the first call is a refusal, later it is a failure`, needsAddon, async t => {
    const refused = await flow(t, nativeSendfile(() => -errno).native)
    assert.ok(refused.error instanceof PathRefused)
    assert.match((refused.error as Error).message, new RegExp(errnoName(-errno)))
    assert.equal(refused.sentBytes, 0)
    const { error, sentBytes } = await flow(
      t,
      nativeSendfile((call, count) => (call === 0 ? count : -errno)).native,
    )
    assert.equal((error as { code: string }).code, 'ERR_SLUICE_SYSCALL')
    assert.equal(sentBytes, 1 * MiB)
  })
}

const failures = {
  EIO: ['ERR_SLUICE_FILE', EIO],
  EPIPE: ['ERR_SLUICE_PEER_CLOSED', EPIPE],
  ECONNRESET: ['ERR_SLUICE_PEER_CLOSED', ECONNRESET],
  ENOMEM: ['ERR_SLUICE_MEMORY', ENOMEM],
  EBADF: ['ERR_SLUICE_SYSCALL', EBADF],
  EFAULT: ['ERR_SLUICE_SYSCALL', EFAULT],
  EOVERFLOW: ['ERR_SLUICE_SYSCALL', EOVERFLOW],
  ESPIPE: ['ERR_SLUICE_SYSCALL', ESPIPE],
} as const
for (const [name, [code, errno]] of Object.entries(failures)) {
  test(`${name} in the middle is ${code}, with the bytes before it`, needsAddon, async t => {
    const { native } = nativeSendfile((call, count) => (call < 2 ? count : -errno))
    const { error, sentBytes, received, bytes } = await flow(t, native)
    assert.equal((error as { code: string }).code, code)
    assert.equal((error as { errno: number }).errno, -errno)
    assert.equal(sentBytes, 2 * MiB)
    assert.equal(sha256(received), sha256(bytes.subarray(0, 2 * MiB)))
  })
}

test('nothing sent means that the file has ended', needsAddon, async t => {
  const { native } = nativeSendfile((call, count) => (call === 0 ? count : 0))
  const { error, sentBytes } = await flow(t, native)
  assert.equal((error as { code: string }).code, 'ERR_SLUICE_FILE_SHRANK')
  assert.match((error as Error).message, /2097157 bytes early/)
  assert.equal(sentBytes, 1 * MiB)
})

test(
  'pages that are not in memory are fetched by a thread, before the step that sends them',
  needsAddon,
  async t => {
    const order: string[] = []
    const scripted = nativeWith({
      sendfile(out, input, offset, count) {
        order.push(`send ${offset}`)
        return native!.sendfile(out, input, offset, count)
      },
      sendfileOffload(out, input, offset, count) {
        order.push(`fetch ${offset}`)
        return native!.sendfileOffload(out, input, offset, count)
      },
    })
    const { error, received, bytes } = await flow(t, scripted, { cold: true })
    assert.equal(error, null)
    assert.equal(sha256(received), sha256(bytes))
    const fetched = order.filter(what => what.startsWith('fetch'))
    t.diagnostic(order.join(', '))
    assert.ok(fetched.length > 0)
    for (const what of fetched) {
      assert.ok(order.indexOf(what) < order.indexOf(what.replace('fetch', 'send')), `${what} came first`)
    }
  },
)

test('pages that are in memory need no thread', needsAddon, async t => {
  const scripted = nativeWith({ sendfileOffload: () => assert.fail('nothing is to be fetched') })
  const { error } = await flow(t, scripted)
  assert.equal(error, null)
})

test('a refusal on the thread is a refusal too', needsAddon, async t => {
  const { error } = await flow(t, notResident({ sendfileOffload: async () => -EPERM }))
  assert.ok(error instanceof PathRefused)
})

test('a disk that fails on the thread fails the transfer', needsAddon, async t => {
  const { error } = await flow(t, notResident({ sendfileOffload: async () => -EIO }))
  assert.equal((error as { code: string }).code, 'ERR_SLUICE_FILE')
})

test('an interruption while a thread reads waits for the thread', needsAddon, async t => {
  let release: (result: number) => void = () => {}
  const reading = new Promise<number>(resolve => {
    release = resolve
  })
  const scripted = notResident({ sendfileOffload: () => reading })
  const prepared = await prepare(t, {})
  const outcome = start(scripted, prepared, 0)
  const failure = new Error('enough')
  outcome.flow.interrupt(failure)
  await new Promise(resolve => setImmediate(resolve))
  assert.ok(!outcome.settled(), 'the thread still uses the descriptors')
  release(1)
  assert.equal((await outcome.done).error, failure)
})

test('a socket that closes while a thread reads is not touched any more', needsAddon, async t => {
  let release: (result: number) => void = () => {}
  const reading = new Promise<number>(resolve => {
    release = resolve
  })
  const { native: counting, calls } = nativeSendfile((_call, count) => count)
  const scripted = {
    ...counting,
    ...notResident({ sendfileOffload: () => reading }),
    sendfile: counting.sendfile,
  }
  const prepared = await prepare(t, {})
  const outcome = start(scripted, prepared, 0)
  prepared.sink.destroy()
  release(1)
  assert.equal(((await outcome.done).error as { code: string }).code, 'ERR_SLUICE_SOCKET_CLOSED')
  assert.equal(calls.length, 0)
})

for (const action of ['EPERM', 'ENOSYS'] as const) {
  test(`where a sandbox answers sendfile with ${action} the file goes another way, and the result says so`, {
    skip: needsAddon.skip || without('cc').skip,
  }, async t => {
    const command = [...underSeccomp(t, { action, calls: ['sendfile'] }), process.execPath, deliverProgram]
    // Bringing a cold file into memory takes sendfile as well.
    for (const [argument, taken] of [
      ['warm', 'splice'],
      ['cold', 'copy'],
    ] as const) {
      const { code, stdout, stderr } = await run(command[0]!, [...command.slice(1), argument]).finished()
      assert.equal(code, 0, stderr)
      assert.match(stdout, new RegExp(`^${taken}: sendfile is refused here \\(${action}\\)$`, 'm'))
    }
  })
}

test('calls that are really interrupted are made again', {
  // The sanitizers' library is loaded into strace too, where it objects.
  skip:
    needsAddon.skip ||
    without('strace').skip ||
    (process.env.LD_PRELOAD !== undefined && 'LD_PRELOAD is set'),
}, async t => {
  const log = `${temporaryFolder(t)}/log`
  const inject = ['-f', '-o', log, '-e', 'trace=sendfile', '-e', 'inject=sendfile:error=EINTR:when=1+2']
  const { code, stdout, stderr } = await run('strace', [
    ...inject,
    process.execPath,
    deliverProgram,
    'warm',
  ]).finished()
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^sendfile: /m)
})

const deliverProgram = fileURLToPath(new URL('../children/deliver.js', import.meta.url))

interface Prepared {
  readonly hold: SocketHold
  readonly sink: Socket
  readonly peer: Peer
  readonly bytes: Buffer
  readonly fd: number
}

async function prepare(t: Ending, { cold = false }: { cold?: boolean }): Promise<Prepared> {
  const { path, bytes } = randomFile(temporaryFolder(t), 'file.bin', length)
  if (cold) evict(path)
  const { socket: sink, peer } = await socketPair(t)
  const fd = openSync(path, 'r')
  t.after(() => closeSync(fd))
  return { hold: (await holdSocket(sink)) as SocketHold, sink, peer, bytes, fd }
}

/** Begins a flow on an engine of its own. */
function start(scripted: Native, { hold, fd }: Prepared, start: number) {
  let settle: (outcome: { error: unknown; sentBytes: number }) => void = () => {}
  let settled = false
  const done = new Promise<{ error: unknown; sentBytes: number }>(resolve => {
    settle = resolve
  })
  const range = { fd, start, length: length - start }
  const sending = {
    native: scripted,
    engine: new PollEngine(scripted),
    hold,
    range,
    prefix: null,
    onProgress: undefined,
  }
  const flow = new SendfileFlow(sending, (error, sentBytes) => {
    settled = true
    hold.release()
    settle({ error, sentBytes })
  })
  flow.begin()
  return { flow, done, settled: () => settled }
}

/** One flow over these calls → how it ended, and what the peer got. */
async function flow(t: Ending, scripted: Native, { start: from = 0, cold = false } = {}) {
  const prepared = await prepare(t, { cold })
  const outcome = await start(scripted, prepared, from).done
  prepared.sink.end()
  return { ...outcome, received: await prepared.peer.take(), bytes: prepared.bytes }
}

function notResident(calls: Partial<Native>): Native {
  return nativeWith({ preadNoWait: () => -EAGAIN, ...calls })
}
