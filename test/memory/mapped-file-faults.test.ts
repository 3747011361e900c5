import assert from 'node:assert/strict'
import { once } from 'node:events'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { MiB } from '#sluice/base/units.js'
import { type Running, run } from '../support/command.js'
import { temporaryFolder } from '../support/temporary.js'
import { fileDescriptors, fileMappings, needsMapping, runChild } from './support.js'

function fileOf(t: TestContext, bytes: number): string {
  const path = join(temporaryFolder(t), 'mapped')
  writeFileSync(path, Buffer.alloc(bytes, 1))
  return path
}

function start(name: string, ...programArguments: string[]): Running {
  const program = fileURLToPath(new URL(`children/${name}.js`, import.meta.url))
  return run(process.execPath, ['--expose-gc', program, ...programArguments], { env: ownFatalSignals() })
}

/** AddressSanitizer would report the signal and end the process itself. */
function ownFatalSignals(): Record<string, string> {
  const { ASAN_OPTIONS } = process.env
  return ASAN_OPTIONS === undefined ? {} : { ASAN_OPTIONS: `${ASAN_OPTIONS}:handle_sigbus=0` }
}

for (const thread of ['main', 'worker']) {
  test(`a file cut while the ${thread} thread reads it in a loop is an error there`, {
    skip: needsMapping,
  }, async t => {
    const path = fileOf(t, 4 * MiB)
    const child = start('read-until-truncated', path, thread)
    await child.line(/^reading$/m)
    truncateSync(path, 4096)
    const { code, signal, stdout, stderr } = await child.finished()
    assert.deepEqual([code, signal], [0, null], stderr)
    assert.match(stdout, /^ERR_SLUICE_MAPPING_TRUNCATED 1 0$/m)
  })
}

test('SIGBUS from elsewhere still ends the process', { skip: needsMapping }, async t => {
  for (const [situation, when] of [
    ['sent', 'after a mapping was cut'],
    ['fault', 'in memory that is not a mapped file'],
    ['listened', 'after listeners of the program have come and gone'],
    ['worker-ended', 'after only a worker, which has ended, had loaded the addon'],
  ] as const) {
    const child = start('other-bus-error', fileOf(t, 8192), situation)
    await child.line(/^ready$/m)
    if (situation !== 'fault') process.kill(child.pid, 'SIGBUS')
    const { signal, stdout, stderr } = await child.finished()
    assert.equal(signal, 'SIGBUS', `${when}: ${stderr}`)
    assert.doesNotMatch(stdout, /survived/)
  }
})

test('a handler that was there before gets what is not ours, whoever came last', {
  skip: needsMapping,
}, async t => {
  for (const order of ['before', 'between']) {
    const child = start('bus-listener', fileOf(t, 8192), order)
    await child.line(/^ready 0 true$/m)
    process.kill(child.pid, 'SIGBUS')
    const { code, signal, stdout, stderr } = await child.finished()
    assert.deepEqual([code, signal], [0, null], stderr)
    assert.match(stdout, /^heard SIGBUS$/m)
  }
})

test('threads that map, cut, read and close at the same time do not disturb each other', {
  skip: needsMapping,
}, t => {
  const { status, signal, stderr } = runChild('mapping-workers', { programArguments: [temporaryFolder(t)] })
  assert.deepEqual([status, signal], [0, null], stderr)
})

test('worker threads that are terminated while they read leave nothing behind', {
  skip: needsMapping,
}, async t => {
  const path = fileOf(t, MiB)
  for (let round = 0; round < 4; round++) {
    const program = new URL('children/mapped-busy-worker.js', import.meta.url)
    const workers = [0, 1].map(() => new Worker(program, { workerData: path }))
    await Promise.all(workers.map(worker => once(worker, 'message')))
    assert.deepEqual([fileMappings(path), fileDescriptors(path)], [2, 2])
    if (round % 2 === 1) truncateSync(path, 0)
    await Promise.all(workers.map(worker => worker.terminate()))
    assert.deepEqual([fileMappings(path), fileDescriptors(path)], [0, 0])
    writeFileSync(path, Buffer.alloc(MiB, 1))
  }
})

test('what is not closed goes when it is collected, also when it was cut', { skip: needsMapping }, t => {
  const { status, stdout, stderr } = runChild('mapped-collected', {
    nodeArguments: ['--expose-gc'],
    programArguments: [fileOf(t, 8192)],
  })
  assert.equal(status, 0, stderr)
  assert.equal(stdout, '40 40\n0 0\n')
})

test('without the addon the bytes are a copy, up to a limit, and say why', t => {
  const path = fileOf(t, 10_000)
  const { status, stderr } = runChild('mapped-no-addon', {
    env: { SLUICE_ADDON: 'off' },
    programArguments: [path],
  })
  assert.equal(status, 0, stderr)
})
