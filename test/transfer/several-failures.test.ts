/** Several sinks: whose failing ends a transfer, what else does, and what is refused from the start. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon, pathTaken } from '../support/addon.js'
import { run } from '../support/command.js'
import { sha256 } from '../support/contents.js'
import { eventually } from '../support/eventually.js'
import { much, plenty, severalPaths, sinkSockets, sourceSocket } from '../support/several-ends.js'
import { socketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

for (const prefer of severalPaths) {
  test(`${prefer}: with drop, a sink that is reset, and one that cannot be opened, are left behind`, async t => {
    const { source, from } = await sourceSocket(t)
    const first = await socketPair(t)
    const second = await socketPair(t)
    second.socket.on('error', () => {})
    const sinks = [socket(first.socket), socket(second.socket), file('/nowhere/at/all')]
    const sent = transfer(source, sinks, { prefer, slowSinks: 'drop' })
    const head = randomBytes(100_000)
    from.socket.write(head)
    await second.peer.take(head.length)
    second.peer.socket.resetAndDestroy()
    from.socket.end(plenty)
    const result = await sent
    assert.equal(sha256(await first.peer.take(head.length + much)), sha256(Buffer.concat([head, plenty])))
    assert.deepEqual(
      result.sinks.map(sink => sink.dropped),
      [false, true, true],
    )
    assert.match(result.sinks[2]!.why!, /nowhere/)
  })

  test(`${prefer}: with drop, the first sink's failing is the transfer's`, async t => {
    const { source, from } = await sourceSocket(t)
    const { peers, sinks } = await sinkSockets(t, 2)
    const sent = transfer(source, sinks.map(socket), { prefer, slowSinks: 'drop' })
    from.socket.write('some')
    await peers[1]!.take(4)
    sinks[0]!.destroy()
    from.socket.write('more')
    await assert.rejects(sent, { code: 'ERR_SLUICE_SOCKET_CLOSED', bytes: 4 })
  })

  test(`${prefer}: with wait, any sink's failing is the transfer's`, async t => {
    const { source, from } = await sourceSocket(t)
    const { peers, sinks } = await sinkSockets(t, 2)
    const sent = transfer(source, sinks.map(socket), { prefer })
    from.socket.write('some')
    await peers[0]!.take(4)
    sinks[1]!.destroy()
    from.socket.write('more')
    await assert.rejects(sent, { code: 'ERR_SLUICE_SOCKET_CLOSED' })
  })

  test(`${prefer}: an abort ends it while it waits, and all sockets stay usable`, async t => {
    const { source, from } = await sourceSocket(t)
    const { peers, sinks } = await sinkSockets(t, 2)
    const controller = new AbortController()
    const sent = transfer(source, sinks.map(socket), { prefer, signal: controller.signal })
    from.socket.write('first')
    for (const peer of peers) await peer.take(5)
    controller.abort()
    await assert.rejects(sent, { code: 'ERR_SLUICE_ABORTED', bytes: 5 })
    from.socket.end('second')
    await transfer(source, sinks.map(socket), { prefer })
    for (const sink of sinks) sink.end()
    for (const peer of peers) assert.equal((await peer.take()).toString(), 'firstsecond')
  })

  test(`${prefer}: a deadline ends it while it waits for a sink`, async t => {
    const { source, from } = await sourceSocket(t)
    const { sinks } = await sinkSockets(t, 2, { reading: false })
    from.socket.end(plenty)
    const sent = transfer(source, sinks.map(socket), { prefer, deadlineMs: 100 })
    await assert.rejects(sent, { code: 'ERR_SLUICE_DEADLINE' })
  })

  test(`${prefer}: what onProgress throws ends it`, async t => {
    const { source, from } = await sourceSocket(t)
    const { sinks } = await sinkSockets(t, 2)
    from.socket.write('bytes')
    const onProgress = (): never => {
      throw new RangeError('enough')
    }
    await assert.rejects(transfer(source, sinks.map(socket), { prefer, onProgress }), /enough/)
  })

  test(`${prefer}: a source that is reset has failed, and what came before it is delivered`, async t => {
    const { source, from } = await sourceSocket(t)
    source.on('error', () => {})
    const { peers, sinks } = await sinkSockets(t, 2)
    const sent = transfer(source, sinks.map(socket), { prefer })
    from.socket.write('some')
    for (const peer of peers) await peer.take(4)
    from.socket.resetAndDestroy()
    await assert.rejects(sent, { code: 'ERR_SLUICE_PEER_CLOSED', bytes: 4 })
  })
}

test('where a sink cannot be opened nothing is lost, and no other file is emptied', async t => {
  const { source, from } = await sourceSocket(t)
  from.socket.write('early ')
  source.once('readable', () => {})
  await eventually(
    () => source.readableLength === 6,
    () => 'Node read nothing',
  )
  const name = join(temporaryFolder(t), 'kept.txt')
  writeFileSync(name, 'content')
  const { sinks, peers } = await sinkSockets(t, 1)
  const list = [socket(sinks[0]!), file(name), file('/nowhere/at/all')]
  await assert.rejects(transfer(source, list), { code: 'ERR_SLUICE_FILE', bytes: 0 })
  assert.equal(readFileSync(name, 'utf8'), 'content')
  from.socket.end('late')
  const { copied } = await transfer(source, list.slice(0, 1))
  assert.ok(copied >= 6)
  assert.equal((await peers[0]!.take(10)).toString(), 'early late')
})

test('with no descriptor left for a pipe, it is copied', needsAddon, async () => {
  const program = fileURLToPath(new URL('./children/several-without-pipes.js', import.meta.url))
  const child = run('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', process.execPath, program])
  const { code, stdout, stderr } = await child.finished()
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'as it should be\n')
})

test('a file that is source and sink is refused before it is emptied', async t => {
  const { sinks } = await sinkSockets(t, 1)
  const name = join(temporaryFolder(t), 'file.bin')
  writeFileSync(name, 'content')
  await assert.rejects(transfer(file(name), [socket(sinks[0]!), file(name)]), { code: 'ERR_SLUICE_OPTION' })
  assert.equal(readFileSync(name, 'utf8'), 'content')
})

test('lists that make no sense are refused', async t => {
  const { sinks } = await sinkSockets(t, 1)
  const { source } = await sourceSocket(t)
  const sink = socket(sinks[0]!)
  for (const [list, options] of [
    [[], {}],
    [[sink, sink], {}],
    [Array.from({ length: 65 }, () => new PassThrough()), {}],
    [[sink, file('/nowhere', { end: 1 })], {}],
    [[sink], { slowSinks: 'maybe' as 'wait' }],
  ] as const) {
    await assert.rejects(transfer(source, list, options), { code: 'ERR_SLUICE_OPTION' })
  }
})

test('a stream is the source of one transfer at a time', async t => {
  const { source, from } = await sourceSocket(t)
  const { sinks } = await sinkSockets(t, 2)
  const first = transfer(source, sinks.map(socket))
  await assert.rejects(transfer(source, sinks.map(socket)), { code: 'ERR_SLUICE_IN_FLIGHT' })
  from.socket.end()
  await first
})

test('the plan says why several sinks are copied to', async t => {
  const { source } = await sourceSocket(t)
  const { sinks } = await sinkSockets(t, 1)
  assert.equal(plan(source, [socket(sinks[0]!), new PassThrough()]).path, pathTaken('tee'))
  assert.equal(plan(source, [new PassThrough()]).path, 'copy')
  assert.equal(plan(Readable.from([]), [socket(sinks[0]!)]).path, 'copy')
  assert.match(plan(source, sinks.map(socket), { prefer: 'copy' }).why, /asked for/)
})
