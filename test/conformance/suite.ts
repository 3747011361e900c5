/** What holds for every path between every pair of ends, on every engine: declared once for each engine. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { KiB, MiB } from '#sluice/base/units.js'
import { defaultEngine, engineWhy } from '#sluice/engine/default.js'
import type { EngineName } from '#sluice/engine/engine.js'
import type { SinkLike, SourceLike } from '#sluice/transfer/ends/ends.js'
import type { TransferOptions, TransferResult } from '#sluice/transfer/jobs/job.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { sha256 } from '../support/contents.js'
import { eventually, pause } from '../support/eventually.js'
import { type Fault, makeFaulty } from '../support/faulty-native.js'
import { type Needs, test } from './named-test.js'
import { declareReceiving } from './receiving.js'
import { pathOf, type Route, routes } from './routes.js'
import type { Sink } from './sinks.js'
import { keepFile, type Source } from './sources.js'

const page = 4 * KiB
const lengths = [0, 1, page - 1, page, page + 1, 3 * MiB + 17]
/** First byte, and the one after the last. */
const ranges: readonly [number, number][] = [
  [0, 1],
  [page - 1, page + 1],
  [page, 3 * page],
  [5, 1 * MiB + 6],
  [2 * MiB - 1, 2 * MiB],
]
/** More than the sockets on the way hold. */
const much = 14 * MiB
const random = randomBytes(much)
const deadlineMs = 40
/** Fits everything on the way, so that nothing has to be waited for unless a test says so. */
const little = random.subarray(0, 40_000)

/** Declares the suite for the engine, which this process then has. */
export function conformance(engine: EngineName): void {
  process.env.SLUICE_ENGINE = engine
  keepFile(random)
  test(`the engine is ${engine}`, needsAddon, () => {
    assert.equal(defaultEngine()!.name, engine, engineWhy())
  })
  declareReceiving(random)
  for (const route of routes) {
    const { source, sink } = route
    // Between these two nothing is waited for, and no engine has a part in it.
    if (engine !== 'poll' && !source.stream && !sink.stream) continue
    const needs = source.addonOnly ? needsAddon : {}
    declareContents(route, needs)
    if (source.openStream) declareStreamSource(route, needs)
    if (sink.stream) declareStreamSink(route, needs)
    declareFaults(route)
  }
}

function declareContents(route: Route, needs: Needs): void {
  const { name, source, sink } = route

  test(`${name}: contents of every length`, needs, async t => {
    for (const length of lengths) {
      const bytes = random.subarray(0, length)
      const to = await sink.open(t)
      const result = await run(await source.open(t, bytes), to, route)
      assertBytes(await to.finish(), bytes)
      assertResult(result, route, length)
    }
  })

  const { openRange } = source
  if (openRange) {
    test(`${name}: a range of the source`, needs, async t => {
      const bytes = random.subarray(0, 2 * MiB)
      for (const [start, end] of ranges) {
        const to = await sink.open(t)
        const result = await run(await openRange(t, bytes, start, end), to, route)
        assertBytes(await to.finish(), bytes.subarray(start, end))
        assertResult(result, route, end - start)
      }
    })
  }

  test(`${name}: an abort before it begins`, needs, async t => {
    const to = await sink.open(t)
    const from = await source.open(t, little)
    await assert.rejects(run(from, to, route, { signal: AbortSignal.abort() }), {
      code: 'ERR_SLUICE_ABORTED',
    })
    if (sink.stream) assert.equal((await to.finish()).length, 0)
  })
}

function declareStreamSource(route: Route, needs: Needs): void {
  const { name, source, sink } = route

  test(`${name}: a source that brings a little at a time`, needs, async t => {
    const to = await sink.open(t)
    const from = await source.openStream!(t)
    const done = run(from, to, route)
    let sent = 0
    for (const count of [1, 100, page, 3, 10_000, 1]) {
      from.far.write(random.subarray(sent, sent + count))
      sent += count
      await pause(1)
    }
    from.far.end()
    assertResult(await done, route, sent)
    assertBytes(await to.finish(), random.subarray(0, sent))
  })

  test(`${name}: an abort and a deadline while it waits for the source`, needs, async t => {
    for (const code of ['ERR_SLUICE_ABORTED', 'ERR_SLUICE_DEADLINE']) {
      const to = await sink.open(t)
      const from = await source.openStream!(t)
      const { options, end } = limited(code)
      from.far.write('so far')
      const done = rejection(run(from, to, route, options))
      if (sink.stream) await to.take(6)
      end()
      const error = await done
      assert.equal(error.code, code)
      if (sink.stream) assert.equal(error.bytes, 6)
      assertBytes(await to.finish(), Buffer.from('so far').subarray(0, error.bytes))
    }
  })

  if (source.name === 'pipe') return

  test(`${name}: the source's other direction stays open when it has ended`, needs, async t => {
    const to = await sink.open(t)
    const from = await source.openStream!(t)
    from.far.end('all')
    await run(from, to, route)
    const near = (from.from as { to: NodeJS.WritableStream }).to
    near.write('answer')
    from.far.resume()
    assert.equal(String(await new Promise(resolve => from.far.once('data', resolve))), 'answer')
  })

  if (source.name !== 'TCP') return

  test(`${name}: a source that is reset`, needs, async t => {
    const to = await sink.open(t)
    const from = await source.openStream!(t)
    const progress = new Progress()
    const done = rejection(run(from, to, route, { onProgress: progress.note }))
    from.far.write('some')
    // Node takes a reset that it finds together with bytes for the end.
    await progress.stops()
    from.far.resetAndDestroy()
    assert.equal((await done).code, 'ERR_SLUICE_PEER_CLOSED')
  })
}

function declareStreamSink(route: Route, needs: Needs): void {
  const { name, source, sink } = route

  test(`${name}: a slow reader gets everything`, needs, async t => {
    const bytes = random.subarray(0, 6 * MiB)
    const large = source.name === 'region' ? bytes.subarray(0, 4 * MiB) : bytes
    const to = await sink.open(t, { reading: false })
    const from = await source.open(t, large)
    const done = run(from, to, route)
    await pause(5)
    // In pieces, between which the sink has time to fill up again.
    for (let count = 64 * KiB; count < large.length; count *= 4) {
      await to.take(count)
      await pause(1)
    }
    assertBytes(await to.take(large.length), large)
    assertResult(await done, route, large.length)
    assert.equal((await to.finish()).length, large.length)
  })

  if (source.name === 'region') return

  for (const code of ['ERR_SLUICE_ABORTED', 'ERR_SLUICE_DEADLINE'] as const) {
    test(`${name}: ${code} while it waits for the sink`, needs, async t => {
      const to = await sink.open(t, { reading: false })
      const from = await source.open(t, random)
      const { options, end } = limited(code)
      const progress = new Progress()
      const done = rejection(run(from, to, route, { ...options, onProgress: progress.note }))
      if (code === 'ERR_SLUICE_ABORTED') await progress.stops()
      else await Promise.race([done, pause(10 * deadlineMs)])
      end()
      // What the kernel has been lent comes back when it was read.
      void to.take(1)
      const error = await done
      assert.equal(error.code, code)
      assert.ok(error.bytes < much)
      if (code === 'ERR_SLUICE_ABORTED') assert.ok(error.bytes > 0)
      const received = await to.finish()
      assertBytes(received, random.subarray(0, received.length))
      if (sink.name !== 'several') assert.equal(received.length, error.bytes)
    })
  }

  if (sink.name !== 'TCP') return

  test(`${name}: a sink whose peer has ended its direction gets everything`, needs, async t => {
    const to = await sink.open(t)
    to.peer!.socket.end('request')
    const bytes = random.subarray(0, 1 * MiB)
    await pause(1)
    await run(await source.open(t, bytes), to, route)
    assertBytes(await to.finish(), bytes)
  })

  test(`${name}: a sink that is reset`, needs, async t => {
    const to = await sink.open(t, { reading: false })
    const progress = new Progress()
    const done = rejection(run(await source.open(t, random), to, route, { onProgress: progress.note }))
    await progress.stops()
    to.peer!.socket.resetAndDestroy()
    const error = await done
    assert.equal(error.code, 'ERR_SLUICE_PEER_CLOSED')
    assert.ok(error.bytes > 0 && error.bytes < much)
  })
}

function declareFaults(route: Route): void {
  const { name, source, sink } = route

  const underFault = async (
    t: Parameters<typeof makeFaulty>[0],
    bytes: Buffer,
    fault: Fault,
  ): Promise<number> => {
    const to = await sink.open(t)
    const from = await source.open(t, bytes)
    // All of it is there, so that no later edge helps a flow that has missed one.
    await pause(1)
    const faulty = makeFaulty(t, fault)
    const result = await run(from, to, route).finally(faulty.restore)
    assertBytes(await to.finish(), bytes)
    assert.equal(result.bytes, bytes.length)
    return faulty.calls
  }

  test(`${name}: calls that move less than they were asked to`, needsAddon, async t => {
    await underFault(t, little, { bytesMax: 3000 })
    await underFault(t, little.subarray(0, 3 * page), { bytesMax: page })
    await underFault(t, little.subarray(0, 20), { bytesMax: 1 })
  })

  for (const errno of ['EAGAIN', 'EINTR'] as const) {
    test(`${name}: ${errno} at every point`, needsAddon, async t => {
      const bytesMax = 13_000
      const calls = await underFault(t, little, { bytesMax, errno, failing: () => false })
      for (let point = 0; point < calls; point++) {
        await underFault(t, little, { bytesMax, errno, failing: call => call === point })
      }
    })
  }
}

function run(
  from: Source,
  to: Sink,
  { prefer }: Route,
  options: TransferOptions = {},
): Promise<TransferResult> {
  return transfer(from.from as SourceLike, to.to as SinkLike, { prefer, ...options })
}

/** What makes a transfer fail with this code: by `end()`, or some time later. */
function limited(code: string): { options: TransferOptions; end(): void } {
  if (code === 'ERR_SLUICE_DEADLINE') return { options: { deadlineMs }, end() {} }
  const controller = new AbortController()
  return { options: { signal: controller.signal }, end: () => controller.abort() }
}

class Progress {
  #sentBytes = 0
  readonly note = (sentBytes: number): void => {
    this.#sentBytes = sentBytes
  }

  /** Waits until there has been some, and then none for a while. */
  async stops(): Promise<void> {
    let before = 0
    for (let quiet = 0; quiet < 8; quiet++) {
      await eventually(
        () => this.#sentBytes > 0,
        () => 'nothing was sent',
      )
      await pause(1)
      if (this.#sentBytes !== before) quiet = 0
      before = this.#sentBytes
    }
  }
}

function assertBytes(actual: Buffer, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length)
  assert.equal(sha256(actual), sha256(expected))
}

function assertResult(result: TransferResult, route: Route, length: number): void {
  assert.equal(result.bytes, length)
  assert.ok(result.ms >= 0)
  assert.match(result.why, /./)
  const path = pathOf(route)
  // What cannot refer to nothing is not taken for nothing.
  if (path !== null && length > 0) assert.equal(result.path, path, result.why)
  if (result.parts) return
  // Memory gets into a pipe by being copied, once for all sinks; what is only copied is so for each.
  if (route.sink.name === 'several') {
    const times = result.path === 'copy' ? 2 : route.source.name === 'lease' ? 1 : 0
    assert.equal(result.copied, times * length)
  } else if (result.path === 'copy' || result.path === 'writev') assert.equal(result.copied, length)
  else if (result.path !== 'zerocopy') assert.equal(result.copied, 0)
}

function rejection(promise: Promise<unknown>): Promise<Error & { code: string; bytes: number }> {
  return promise.then(
    () => assert.fail('it did not fail'),
    error => error,
  )
}
