/**
 * Connections at random through the proxy, against a reference: no byte is lost, doubled or out of order, an end is an
 * end and a reset a reset, and afterwards the proxy has the descriptors it began with. SLUICE_SEED repeats what each
 * connection does; SLUICE_SOAK_SECONDS says how long it lasts in all.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { engines } from '../server/support.js'
import { needsAddon } from '../support/addon.js'
import { type Running, sluice } from '../support/command.js'
import { eventually } from '../support/eventually.js'
import { seedFromEnvironment } from '../support/random.js'
import { temporaryFolder } from '../support/temporary.js'
import { reset } from './soak/break.js'
import { countDescriptors, pipesWithBytes } from './soak/descriptors.js'
import { SoakPeer } from './soak/peers.js'
import { headBytes, idIn } from './soak/plan.js'
import { Reference } from './soak/reference.js'
import type { SideReport } from './soak/side.js'
import { type SoakResult, soak } from './soak/soak.js'

const secondsAll = Number(process.env.SLUICE_SOAK_SECONDS ?? 8)
const seed = seedFromEnvironment()
/** Connections at a time. */
const lanes = 12
/** What the pool keeps for later. */
const keptPipes = 64
const killEveryMs = 400

interface Kind {
  readonly mirror: 'none' | 'tcp' | 'file'
  readonly slow: 'wait' | 'drop'
  /** For how long a mirror takes nothing, each time. */
  readonly stallMs: number
}

const kinds: readonly Kind[] = [
  { mirror: 'none', slow: 'wait', stallMs: 0 },
  { mirror: 'tcp', slow: 'wait', stallMs: 3 },
  { mirror: 'tcp', slow: 'drop', stallMs: 400 },
  { mirror: 'file', slow: 'wait', stallMs: 0 },
]
const seconds = secondsAll / kinds.length / engines.length

for (const kind of kinds) {
  for (const { engine, skip } of engines) {
    const { mirror, slow } = kind
    const name = mirror === 'none' ? 'no mirror' : `a ${mirror} mirror, '${slow}'`
    test(`${seconds} s of connections at random, with ${name} [${engine}]`, { skip }, async t => {
      t.diagnostic(`SLUICE_SEED=${seed}`)
      await soakProxy(t, kind, engine)
    })
  }
}

async function soakProxy(t: TestContext, { mirror, slow, stallMs }: Kind, engine: string): Promise<void> {
  const upstreams = [1, 2, 3].map(() => new SoakPeer(t, { seed, kind: 'upstream' }))
  const mirrors = new SoakPeer(t, { seed, kind: 'mirror', stallMs })
  await Promise.all([...upstreams, mirrors].map(peer => peer.start()))
  const folder = temporaryFolder(t)
  const to = mirror === 'file' ? `file:${join(folder, 'mirrored')}` : `tcp:${mirrors.address}`
  const flags = mirror === 'none' ? [] : ['--mirror', to, '--mirror-slow', slow]
  const running = await startProxy(t, upstreams, flags, engine)
  const before = countDescriptors(running.pid)
  const result = await soak({ seed, port: running.port, upstreams, seconds, lanes, killEveryMs })
  t.diagnostic(
    `${result.clients.size} connections, ${(result.bytes / MiB).toFixed(0)} MiB, ${result.kills} upstreams killed`,
  )
  assert.deepEqual(result.faults, [])
  assert.ok(result.clients.size > 0)
  if (mirror === 'tcp') await checkMirrored(result, mirrors.reports, slow)
  if (mirror === 'file') await checkMirrored(result, readMirrored(folder), slow)
  await eventually(
    () => countDescriptors(running.pid).others <= before.others,
    () => `${countDescriptors(running.pid).others} descriptors are open, not ${before.others}`,
  )
  assert.ok(countDescriptors(running.pid).pipes - before.pipes <= keptPipes * 2, 'pipes are still in use')
  assert.deepEqual(pipesWithBytes(running.pid, before.pipeNames), [])
  assert.equal((await running.stop()).code, 0)
}

async function startProxy(
  t: TestContext,
  upstreams: readonly SoakPeer[],
  flags: readonly string[],
  engine: string,
): Promise<Running & { port: number }> {
  const to = upstreams.map(({ address }) => address).join()
  const args = [
    'proxy',
    '--listen',
    '127.0.0.1:0',
    '--to',
    to,
    '--failures-max',
    '0',
    '--grace',
    '0s',
    ...flags,
  ]
  const running = sluice(args, { env: { SLUICE_ENGINE: engine } })
  t.after(() => running.stop('SIGKILL'))
  const [, port] = await running.line(/^listening on 127\.0\.0\.1:(\d+)$/m)
  return { ...running, port: Number(port) }
}

/**
 * What a mirror has is the beginning of what the client sent, whatever happened. Where it is waited for, and the
 * connection ended well, it is all of that.
 */
async function checkMirrored(
  { clients, whole }: SoakResult,
  mirrored: ReadonlyMap<number, SideReport>,
  slow: 'wait' | 'drop',
): Promise<void> {
  assert.ok(whole.length > 0)
  if (slow === 'wait') {
    await eventually(
      () => whole.every(id => mirrored.has(id)),
      () => `the mirror has nothing of ${whole.filter(id => !mirrored.has(id))}`,
    )
    for (const id of whole)
      assert.equal(mirrored.get(id)!.received, clients.get(id)!.sent, `connection ${id}`)
  }
  for (const [id, { wrongAt, received }] of mirrored) {
    assert.equal(wrongAt, -1, `connection ${id}`)
    const client = clients.get(id)
    assert.ok(client !== undefined && received <= client.sent, `connection ${id}`)
  }
}

function readMirrored(folder: string): Map<number, SideReport> {
  const found = new Map<number, SideReport>()
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name))
    // The connection broke at once.
    if (bytes.length < headBytes) continue
    const id = idIn(bytes)
    const body = bytes.subarray(headBytes)
    const wrongAt = new Reference({ seed, id, way: 'to upstream' }).wrongAt(body, 0)
    found.set(id, { sent: 0, ended: false, received: body.length, sawEnd: true, wrongAt, error: '' })
  }
  return found
}

/** What a bad proxy does to what goes from client to upstream. */
const sins: Record<string, (bytes: Buffer) => Buffer> = {
  'changes a bit': bytes => {
    bytes[bytes.length - 1]! ^= 1
    return bytes
  },
  'loses a byte': bytes => bytes.subarray(1),
  'doubles a byte': bytes => Buffer.concat([bytes.subarray(0, 1), bytes]),
}

for (const [sin, commit] of Object.entries(sins)) {
  test(`a proxy that ${sin} now and then is found out`, needsAddon, async t => {
    let pieces = 0
    const found = await soakBadly(t, (client, upstream) => {
      let received = 0
      // Not of a head: a connection that nobody knows is missed for as long as the watchdog lets it.
      client.on('data', bytes => {
        const sins = received >= headBytes && ++pieces % 20 === 0
        received += bytes.length
        upstream.write(sins ? commit(bytes) : bytes)
      })
      client.on('end', () => upstream.end())
      client.on('error', () => reset(upstream))
    })
    assert.match(found.join('\n'), /wrong byte|bytes came|it ended after/)
  })
}

test('a proxy that makes an end of a reset is found out', needsAddon, async t => {
  const found = await soakBadly(t, (client, upstream) => {
    client.on('data', bytes => upstream.write(bytes))
    client.on('end', () => upstream.end())
    client.on('error', () => upstream.end())
  })
  assert.match(found.join('\n'), /to upstream: it ended, and the sender had not/)
})

/** Soaks a proxy of the test's own → what is found to be wrong. */
async function soakBadly(
  t: TestContext,
  pass: (client: Socket, upstream: Socket) => void,
): Promise<readonly string[]> {
  const peer = new SoakPeer(t, { seed: 1, kind: 'upstream' })
  await peer.start()
  const proxy = createServer({ allowHalfOpen: true }, client => {
    const upstream = connect({ port: peer.port, host: '127.0.0.1', allowHalfOpen: true })
    pass(client, upstream)
    upstream.on('data', bytes => client.write(bytes))
    upstream.on('end', () => client.end())
    upstream.on('error', () => reset(client))
  }).listen(0, '127.0.0.1')
  t.after(() => proxy.close())
  await eventually(
    () => proxy.listening,
    () => 'the bad proxy does not listen',
  )
  const { port } = proxy.address() as AddressInfo
  const { faults } = await soak({
    seed: 1,
    port,
    upstreams: [peer],
    seconds: 0.7,
    lanes: 8,
    killEveryMs: 700,
  })
  return faults
}
