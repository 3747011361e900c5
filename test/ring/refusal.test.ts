/** Where rings are refused, the error says what refuses them and what to do. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants } from 'node:os'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { registerRefused, setupRefused } from '#sluice/ring/refusal.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'
import { type Filter, underSeccomp } from '../support/seccomp.js'
import { needsRing } from './support.js'

const { EINVAL, EMFILE, ENOMEM, ENOSYS, EPERM } = constants.errno
const program = fileURLToPath(new URL('children/open-ring.js', import.meta.url))

type Line = 'open' | [code: string, errno: number, message: string]

function openUnder(t: TestContext, filter: Filter): Line[] {
  const [command = '', ...args] = [...underSeccomp(t, filter), process.execPath, program]
  const text = execFileSync(command, args, { encoding: 'utf8', timeout: 60_000, stdio: 'pipe' })
  return text
    .trimEnd()
    .split('\n')
    .map(line => (line === 'open' ? line : (JSON.parse(line) as Line)))
}

const refusals = [
  ['EPERM', -EPERM],
  ['ENOSYS', -ENOSYS],
] as const

for (const [action, errno] of refusals) {
  test(`a seccomp filter that gives ${action}`, needsRing, t => {
    for (const line of openUnder(t, { action, calls: ['io_uring_setup'] })) {
      assert.deepEqual(line.slice(0, 2), ['ERR_SLUICE_RING', errno])
      assert.match(line[2]!, /seccomp filter.*Allow io_uring_setup.*poll engine/)
    }
    for (const line of openUnder(t, { action, calls: ['io_uring_register'] })) {
      assert.deepEqual(line.slice(0, 2), ['ERR_SLUICE_RING', errno])
      assert.match(line[2]!, /seccomp filter.*Allow io_uring_register/)
    }
  })
}

for (const [action, errno] of refusals) {
  test(
    `a seccomp filter that lets a ring be set up and gives ${action} where it is entered`,
    needsRing,
    t => {
      try {
        for (const line of openUnder(t, { action, calls: ['io_uring_enter'] })) {
          assert.deepEqual(line.slice(0, 2), ['ERR_SLUICE_RING', errno])
          assert.match(line[2]!, /seccomp filter.*Allow io_uring_enter/)
        }
      } catch (error) {
        // Node 22 and 24 have a ring of their own, and end where it may not be entered.
        if (!String((error as { stderr?: string }).stderr).startsWith('libuv: io_uring_enter')) throw error
        t.skip('this Node itself ends under such a filter')
      }
    },
  )
}

test('a limit on locked memory is named where it is in the way', needsRing, () => {
  const child = fileURLToPath(new URL('children/few-locked.js', import.meta.url))
  // The superuser has no limit.
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const text = execFileSync('sh', ['-c', 'ulimit -l 1024; exec "$0" "$1"', process.execPath, child], {
    encoding: 'utf8',
    timeout: 60_000,
    ...user,
  })
  assert.match(text, /^ERR_SLUICE_MEMORY Registering 1 buffers: .*ulimit -l unlimited.*\nclosed\n$/)
})

test('every other refusal has its reason and remedy', () => {
  for (const [error, code, text] of [
    [setupRefused(-EINVAL, 'io_uring_setup'), 'ERR_SLUICE_RING', /Linux 6\.1 or later/],
    [setupRefused(-ENOMEM, 'io_uring_setup'), 'ERR_SLUICE_MEMORY', /ulimit -l/],
    [setupRefused(-EMFILE, 'io_uring_setup'), 'ERR_SLUICE_DESCRIPTORS', /EMFILE/],
    [registerRefused(-ENOMEM, 'Registering'), 'ERR_SLUICE_MEMORY', /ulimit -l/],
    [registerRefused(-EINVAL, 'Registering'), 'ERR_SLUICE_SYSCALL', /Registering.*EINVAL/],
  ] as const) {
    assert.equal(error.code, code)
    assert.match(error.message, text)
    assert.ok(error.errno! < 0 && error.syscall !== undefined)
  }
})

test('options are checked', needsRing, () => {
  for (const options of [
    { entries: 0 },
    { entries: 100_000 },
    { entries: 8, completions: 4 },
    { submissionThread: { idleMs: 0 } },
    { submissionThread: { idleMs: 1, cpu: -1 } },
  ]) {
    assert.throws(() => new ThreadRing(options), { code: 'ERR_SLUICE_OPTION' })
  }
})
