import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { ProbeProcess } from '#sluice/doctor/probe-process.js'
import { native } from '#sluice/native/load.js'
import { reportUnder, technique } from './support.js'

const needsAddon = { skip: native === null && 'there is no addon' }

test('a probe process answers one technique after the other', needsAddon, async t => {
  const probing = await start(t)
  for (const name of ['writev', 'memfd'] as const) {
    const answer = await probing.examine(name)
    assert.ok('value' in answer)
    assert.deepEqual([answer.value.name, answer.value.status], [name, 'ready'])
  }
})

test('a try that never ends is given up', needsAddon, async t => {
  const probing = await start(t)
  process.kill(child(), 'SIGSTOP')
  assert.deepEqual(await probing.examine('writev', 50), {
    lost: 'it had not ended after 0.05 s',
    signal: null,
  })
})

test('a process that dies while it tries is told with what ended it', needsAddon, async t => {
  const probing = await start(t)
  process.kill(child(), 'SIGSTOP')
  const answer = probing.examine('writev')
  process.kill(child(), 'SIGKILL')
  assert.deepEqual(await answer, { lost: 'the process ended with SIGKILL', signal: 'SIGKILL' })
})

test('a process that died before is noticed when it is asked', needsAddon, async t => {
  const probing = await start(t)
  process.kill(child(), 'SIGKILL')
  assert.ok('lost' in (await probing.examine('writev')))
})

test(
  'inside a probe process, and where none can be started, techniques are tried at once',
  needsAddon,
  () => {
    const report = reportUnder([], { SLUICE_DOCTOR_PROCESS: '1' })
    assert.equal(technique(report, 'sendfile').status, 'ready')
  },
)

async function start(t: TestContext): Promise<ProbeProcess> {
  const probing = await ProbeProcess.start()
  assert.ok(probing !== null)
  t.after(() => probing.close())
  return probing
}

/** The process that was started last. */
function child(): number {
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  return Number(pids.at(-1))
}
