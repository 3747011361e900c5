import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doctor } from '#sluice/doctor/doctor.js'
import { native } from '#sluice/native/load.js'
import { without } from '../support/commands.js'
import { underSeccomp } from '../support/seccomp.js'
import { reportUnder, technique } from './support.js'

const names = [
  'sendfile',
  'splice',
  'tee',
  'vmsplice',
  'mmap',
  'writev',
  'msg_zerocopy',
  'tcp_zerocopy_receive',
  'copy_file_range',
  'io_uring',
  'io_uring_send_zc',
  'io_uring_zcrx',
  'memfd',
  'huge_pages',
  'shared_memory',
  'af_xdp',
  'dpdk',
  'rdma',
  'ktls',
]
const needsAddon = { skip: native === null && 'there is no addon' }
const needsCompiler = native === null ? needsAddon : without('cc')

/** Drops what root has; who is not root has nothing to drop. */
const ordinary =
  process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'] : []

test('every technique is reported, in order, with a status and a reason', async () => {
  const { techniques } = await doctor()
  assert.deepEqual(
    techniques.map(({ name }) => name),
    names,
  )
  for (const { name, status, reason, proof } of techniques) {
    assert.ok(['ready', 'limited', 'missing'].includes(status), name)
    assert.ok(['by reference', 'copied', null].includes(proof), name)
    assert.notEqual(reason, '', name)
  }
})

test('what is not ready comes with a remedy, what is ready without', async () => {
  for (const { name, status, remedy } of (await doctor()).techniques) {
    assert.equal(remedy === null, status === 'ready', name)
  }
})

test('the report says what it was made with and by whom', async () => {
  const { kernel, arch, node, addon, user } = await doctor()
  assert.match(kernel, /^\d/)
  assert.equal(arch, process.arch)
  assert.equal(node, process.version)
  assert.deepEqual(addon.loaded, native !== null)
  assert.equal(user.uid, process.getuid?.())
  assert.equal(user.seccomp, false)
})

test('sendfile hands pages over, and plain writes copy', needsAddon, async () => {
  const report = await doctor()
  assert.equal(technique(report, 'sendfile').proof, 'by reference')
  assert.equal(technique(report, 'writev').proof, 'copied')
  assert.equal(technique(report, 'mmap').proof, 'copied')
})

test('a way around the copy that is proved to copy is limited', needsAddon, async () => {
  const report = await doctor()
  for (const name of ['sendfile', 'splice', 'tee', 'vmsplice', 'msg_zerocopy', 'io_uring_send_zc'] as const) {
    const { status, proof } = technique(report, name)
    if (status !== 'missing') assert.equal(status, proof === 'by reference' ? 'ready' : 'limited', name)
  }
})

test('MSG_ZEROCOPY over loopback is copied', needsAddon, async () => {
  const { status, proof, reason } = technique(await doctor(), 'msg_zerocopy')
  assert.deepEqual([status, proof], ['limited', 'copied'])
  assert.match(reason, /loopback/)
})

test('without the addon every technique says why it was not tried', () => {
  const report = reportUnder([], { SLUICE_ADDON: 'off' })
  assert.equal(report.addon.loaded, false)
  assert.equal(report.techniques.length, names.length)
  for (const { status, reason, remedy } of report.techniques) {
    assert.equal(status, 'missing')
    assert.match(reason, /SLUICE_ADDON=off/)
    assert.equal(remedy, 'unset SLUICE_ADDON')
  }
})

test(
  'an ordinary user is told which capability is lacking',
  native === null ? needsAddon : without('setpriv'),
  () => {
    const report = reportUnder(ordinary)
    assert.deepEqual(report.user.capabilities, [])
    assert.equal(technique(report, 'sendfile').status, 'ready')
    const { status, reason, remedy } = technique(report, 'af_xdp')
    assert.equal(status, 'missing')
    if (reason.includes('EPERM')) {
      assert.match(reason, /needs CAP_NET_RAW/)
      assert.match(remedy ?? '', /run as root, or with CAP_NET_RAW/)
    }
  },
)

test(
  'a limit on locked memory is named where it is what refuses',
  native === null ? needsAddon : without('setpriv'),
  () => {
    const report = reportUnder(['sh', '-c', 'ulimit -l 0; exec "$@"', 'sh', ...ordinary])
    assert.equal(report.user.lockedBytesMax, 0)
    const { status, reason, remedy } = technique(report, 'msg_zerocopy')
    assert.equal(status, 'missing')
    assert.match(reason, /the limit on locked memory is 0 KiB/)
    assert.match(remedy ?? '', /ulimit -l/)
  },
)

test('a seccomp filter that refuses io_uring is named, with how to change it', needsCompiler, t => {
  const report = reportUnder(underSeccomp(t, { action: 'EPERM', calls: ['io_uring_setup'] }))
  assert.equal(report.user.seccomp, true)
  for (const name of ['io_uring', 'io_uring_send_zc', 'io_uring_zcrx'] as const) {
    const { status, remedy } = technique(report, name)
    assert.equal(status, 'missing')
    assert.notEqual(remedy, null)
  }
  const { reason, remedy } = technique(report, 'io_uring')
  assert.match(reason, /io_uring_setup failed with EPERM: the seccomp filter/)
  assert.match(remedy ?? '', /allow io_uring_setup .*--security-opt seccomp=/)
  assert.equal(technique(report, 'sendfile').status, 'ready')
})

test('a call that a seccomp filter hides is told from one that the kernel lacks', needsCompiler, t => {
  const report = reportUnder(underSeccomp(t, { action: 'ENOSYS', calls: ['vmsplice'] }))
  const { status, reason } = technique(report, 'vmsplice')
  assert.equal(status, 'missing')
  assert.match(reason, /vmsplice failed with ENOSYS: the seccomp filter .* hides it, or/)
  assert.equal(technique(report, 'splice').status, 'ready')
})

test('where memfds are refused, the techniques that can go without do', needsCompiler, t => {
  const report = reportUnder(underSeccomp(t, { action: 'EPERM', calls: ['memfd_create'] }))
  const { status, reason } = technique(report, 'sendfile')
  assert.equal(status, 'ready')
  assert.match(reason, /memfds could not be tried \(memfd_create failed with EPERM\)/)
  assert.equal(technique(report, 'tee').status, 'ready')
  assert.equal(technique(report, 'memfd').status, 'missing')
})

test('a seccomp filter that kills loses that technique only', needsCompiler, t => {
  const report = reportUnder(underSeccomp(t, { action: 'KILL', calls: ['tee', 'io_uring_setup'] }))
  const { status, reason, remedy } = technique(report, 'tee')
  assert.equal(status, 'missing')
  assert.match(reason, /ended with SIGSYS/)
  assert.match(remedy ?? '', /seccomp/)
  assert.match(technique(report, 'io_uring').reason, /ended with SIGSYS/)
  assert.equal(technique(report, 'vmsplice').proof, technique(report, 'splice').proof)
  assert.equal(technique(report, 'memfd').status, 'ready')
})
