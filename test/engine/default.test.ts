/** The engine of a process or worker: opened when first needed, and no reason to go on living. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { defaultEngine, engineMissing } from '#sluice/engine/default.js'
import { addonMissing, native } from '#sluice/native/load.js'
import { run } from '../support/command.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'

const transferring = new URL('./children/transferring.js', import.meta.url)
const leaving = fileURLToPath(new URL('./children/leaving.js', import.meta.url))

test('there is one engine, or a reason why there is none', () => {
  const engine = defaultEngine()
  assert.equal(defaultEngine(), engine)
  if (native === null) {
    assert.equal(engine, null)
    assert.equal(engineMissing(), addonMissing)
  } else {
    assert.equal(engine!.name, 'poll')
  }
})

test('a process ends by itself when its transfers have, or when what they wait for is gone', async () => {
  for (const way of ['done', 'destroyed', 'aborted', 'reset', 'exit']) {
    const { code, signal, stdout, stderr } = await run(process.execPath, [leaving, way]).finished()
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, way)
    assert.match(stdout, /^last words$/m)
  }
})

test('a process with nothing but a transfer to wait for waits for it', async () => {
  const { code, stdout } = await run(process.execPath, [leaving, 'unreferenced']).finished()
  assert.equal(code, 0)
  assert.match(stdout, /^last words$/m)
})

test('workers begin and end with transfers in flight, and leave nothing open', async () => {
  const before = openDescriptors()
  for (let round = 0; round < 4; round++) {
    const workers = Array.from({ length: 3 }, () => new Worker(transferring))
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
