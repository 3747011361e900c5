/** The engine of a process or worker: opened when first needed, and no reason to go on living. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { MiB } from '#sluice/base/units.js'
import { defaultEngine, engineMissing, engineWhy } from '#sluice/engine/default.js'
import { waits } from '#sluice/engine/waiting.js'
import { addonMissing, native } from '#sluice/native/load.js'
import { needsRing } from '../ring/support.js'
import { needsAddon } from '../support/addon.js'
import { run } from '../support/command.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { underSeccomp } from '../support/seccomp.js'

const transferring = new URL('./children/transferring.js', import.meta.url)
const naming = fileURLToPath(new URL('./children/engine-name.js', import.meta.url))
const leaving = fileURLToPath(new URL('./children/leaving.js', import.meta.url))

test('there is one engine, or a reason why there is none', () => {
  const engine = defaultEngine()
  assert.equal(defaultEngine(), engine)
  if (native === null) {
    assert.equal(engine, null)
    assert.equal(engineMissing(), addonMissing)
  } else {
    assert.equal(engine!.name, process.env.SLUICE_ENGINE || 'poll')
    assert.match(engineWhy(), /default|SLUICE_ENGINE/)
  }
})

interface Answer {
  engine?: string
  why?: string
  bytes?: number
  code?: string
  message?: string
}

function engineUnder(environment: Record<string, string>, before: readonly string[] = []): Answer {
  const [command = '', ...args] = [...before, process.execPath, naming]
  const env = { ...process.env, ...environment }
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8', env, timeout: 60_000 })) as Answer
}

test('SLUICE_ENGINE chooses', needsRing, () => {
  const { bytes, engine, why } = engineUnder({ SLUICE_ENGINE: 'ring' })
  assert.deepEqual({ bytes, engine, why }, { bytes: 8 * MiB, engine: 'ring', why: 'SLUICE_ENGINE=ring' })
  assert.deepEqual(engineUnder({ SLUICE_ENGINE: 'poll' }).engine, 'poll')
  assert.deepEqual(engineUnder({ SLUICE_ENGINE: '' }).why, 'the default')
  const refused = engineUnder({ SLUICE_ENGINE: 'epoll' })
  assert.equal(refused.code, 'ERR_SLUICE_OPTION')
  assert.match(refused.message!, /"epoll".*poll, ring/)
})

test('SLUICE_WAIT chooses who waits', needsAddon, () => {
  const { bytes, engine, why } = engineUnder({ SLUICE_ENGINE: 'poll', SLUICE_WAIT: 'engine' })
  assert.deepEqual({ bytes, engine }, { bytes: 8 * MiB, engine: 'poll' })
  assert.equal(why, 'SLUICE_ENGINE=poll; it waits itself')
  assert.equal(engineUnder({ SLUICE_ENGINE: 'poll', SLUICE_WAIT: 'loop' }).why, 'SLUICE_ENGINE=poll')
  const refused = engineUnder({ SLUICE_WAIT: 'both' })
  assert.equal(refused.code, 'ERR_SLUICE_OPTION')
  assert.match(refused.message!, /SLUICE_WAIT.*"both".*loop, engine/)
})

test('where rings are refused the poll engine serves, and says so', needsRing, t => {
  const filter = underSeccomp(t, { action: 'EPERM', calls: ['io_uring_setup'] })
  const { bytes, engine, why } = engineUnder({ SLUICE_ENGINE: 'ring' }, filter)
  assert.deepEqual({ bytes, engine }, { bytes: 8 * MiB, engine: 'poll' })
  assert.match(why!, /^SLUICE_ENGINE=ring is refused \(.*seccomp filter/)
})

for (const wait of waits) {
  test(`where the ${wait} waits, a process ends by itself when its transfers have, or when what they wait for is gone`, async () => {
    for (const way of ['done', 'destroyed', 'aborted', 'reset', 'exit']) {
      const env = { SLUICE_WAIT: wait }
      const { code, signal, stdout, stderr } = await run(process.execPath, [leaving, way], { env }).finished()
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, way)
      assert.match(stdout, /^last words$/m)
    }
  })
}

test('a process with nothing but a transfer to wait for waits for it', async () => {
  const { code, stdout } = await run(process.execPath, [leaving, 'unreferenced']).finished()
  assert.equal(code, 0)
  assert.match(stdout, /^last words$/m)
})

test('workers begin and end with transfers in flight, and leave nothing open', async () => {
  const before = openDescriptors()
  for (let round = 0; round < 4; round++) {
    const env = { ...process.env, SLUICE_WAIT: waits[round % waits.length] }
    const workers = Array.from({ length: 3 }, () => new Worker(transferring, { env }))
    await Promise.all(
      workers.map(async worker => {
        const [said] = await once(worker, 'message')
        assert.equal(said, 'in flight')
      }),
    )
    await Promise.all(workers.map(worker => worker.terminate()))
  }
  await descriptorsBackTo(before)
})
