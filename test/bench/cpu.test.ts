import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type CpuUsed, cpuBetween, readCpu } from '../../bench/measure/cpu.js'

const program = fileURLToPath(new URL('fixtures/burn-cpu.js', import.meta.url))

/** What the clocks say of a process that burns, as a share of what it says itself. */
async function shareSeen(mode: string): Promise<{ share: number; source: CpuUsed['source'] }> {
  const child = fork(program, [mode])
  try {
    await once(child, 'message')
    const before = readCpu(child.pid!)
    const told = once(child, 'message')
    child.send('burn')
    const [{ usedNs }] = (await told) as [{ usedNs: number }]
    await sleep(20)
    const { ns, source } = cpuBetween(before, readCpu(child.pid!))
    return { share: ns / usedNs, source }
  } finally {
    child.disconnect()
    await once(child, 'exit')
  }
}

function assertNearOne(share: number): void {
  assert.ok(share > 0.8 && share < 1.25, `${share} of what the process says`)
}

test('the time of all threads is seen', async () => {
  const { share } = await shareSeen('lasting')
  assertNearOne(share)
})

test('the time of threads that ended in between is not lost', async () => {
  const { share, source } = await shareSeen('ending')
  assertNearOne(share)
  assert.equal(source, 'sums')
})

test('the time of child processes is seen', async () => {
  const { share } = await shareSeen('child')
  assertNearOne(share)
})

test('an idle process has used next to nothing', () => {
  const reading = { threads: new Map([['1/1', 5e9]]), sumNs: 5e9, processes: 1 }
  assert.deepEqual(cpuBetween(reading, reading), { ns: 0, source: 'threads' })
})

test('ticks that rounding explains do not replace the threads, more do', () => {
  const before = { threads: new Map([['1/1', 0]]), sumNs: 0, processes: 1 }
  const after = { threads: new Map([['1/1', 100e6]]), sumNs: 120e6, processes: 1 }
  assert.deepEqual(cpuBetween(before, after), { ns: 100e6, source: 'threads' })
  assert.deepEqual(cpuBetween(before, { ...after, sumNs: 130e6 }), { ns: 130e6, source: 'sums' })
})

test('a process that is not there cannot be read', () => {
  assert.throws(() => readCpu(2 ** 30), { code: 'ENOENT' })
})
