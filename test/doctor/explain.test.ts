import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { explain } from '#sluice/doctor/explain.js'
import type { Surroundings } from '#sluice/doctor/surroundings.js'

const { EPERM, ENOMEM, ENOBUFS, ENOSYS, EAFNOSUPPORT, EMFILE, EROFS, EOPNOTSUPP, EINVAL } = constants.errno
const plain: Surroundings = {
  uid: 1000,
  name: 'someone',
  capabilities: [],
  userNamespace: false,
  seccomp: false,
  lockedBytesMax: 64 * 1024,
  ioUringDisabled: 0,
}
const uring = { kernel: 'Linux 5.6 or later', locksMemory: true } as const
const setup = { syscall: 'io_uring_setup', errno: -EPERM }
const packet = {
  kernel: 'Linux 4.18 or later',
  capability: { name: 'CAP_NET_RAW', call: 'socket(AF_XDP)' },
} as const

test('the sysctl that switches io_uring off is named before anything else', () => {
  const { reason, remedy } = explain(setup, uring, { ...plain, seccomp: true, ioUringDisabled: 2 })
  assert.match(reason, /kernel\.io_uring_disabled=2 forbids it to everybody/)
  assert.match(remedy, /sysctl -w kernel\.io_uring_disabled=0/)
  assert.match(
    explain(setup, uring, { ...plain, ioUringDisabled: 1 }).reason,
    /to processes without CAP_SYS_ADMIN/,
  )
})

test('a capability that is lacking explains EPERM better than a filter', () => {
  const around = { ...plain, seccomp: true }
  assert.match(
    explain({ syscall: 'socket(AF_XDP)', errno: -EPERM }, packet, around).reason,
    /needs CAP_NET_RAW/,
  )
})

test('a capability explains only the call that needs it', () => {
  const { reason, remedy } = explain({ syscall: 'mmap', errno: -EPERM }, packet, { ...plain, seccomp: true })
  assert.match(reason, /mmap failed with EPERM: the seccomp filter/)
  assert.match(remedy, /^allow mmap in/)
})

test('a filter is told the name of the call, without its arguments', () => {
  const around: Surroundings = { ...plain, capabilities: ['CAP_NET_RAW'], seccomp: true }
  const { remedy } = explain({ syscall: 'socket(AF_XDP)', errno: -EPERM }, packet, around)
  assert.match(remedy, /^allow socket in the filter/)
})

test('a capability of a user namespace is told from one of the host', () => {
  const around: Surroundings = { ...plain, capabilities: ['CAP_NET_RAW'], userNamespace: true }
  assert.match(
    explain({ syscall: 'socket(AF_XDP)', errno: -EPERM }, packet, around).reason,
    /only inside this user namespace/,
  )
})

test('EPERM without capability, filter or sysctl points to security modules', () => {
  assert.match(explain(setup, uring, plain).remedy, /SELinux, AppArmor or Landlock/)
})

test('too little locked memory is told with the limit and how to raise it', () => {
  for (const errno of [ENOMEM, ENOBUFS]) {
    const { reason, remedy } = explain({ syscall: 'io_uring_setup', errno: -errno }, uring, plain)
    assert.match(reason, /the limit on locked memory is 64 KiB/)
    assert.match(remedy, /ulimit -l/)
  }
})

test('who may lock memory without limit is short of memory itself', () => {
  const around: Surroundings = { ...plain, capabilities: ['CAP_IPC_LOCK'] }
  assert.match(
    explain({ syscall: 'io_uring_setup', errno: -ENOMEM }, uring, around).reason,
    /no memory for it/,
  )
})

test('a call that the kernel lacks names the kernel that has it', () => {
  assert.equal(
    explain({ syscall: 'io_uring_setup', errno: -ENOSYS }, uring, plain).remedy,
    'use Linux 5.6 or later',
  )
})

test('an address family may be hidden by a filter', () => {
  const refused = { syscall: 'socket(AF_XDP)', errno: -EAFNOSUPPORT }
  assert.match(explain(refused, packet, { ...plain, seccomp: true }).remedy, /RestrictAddressFamilies=/)
  assert.match(explain(refused, packet, plain).reason, /built without it/)
})

test('shortages of the process and of the disk come with what to raise', () => {
  assert.match(explain({ syscall: 'pipe2', errno: -EMFILE }, uring, plain).remedy, /ulimit -n/)
  assert.match(explain({ syscall: 'mkdtemp', errno: -EROFS }, uring, plain).remedy, /TMPDIR/)
})

test('a runtime that allows no foreign memory is told from the kernel', () => {
  assert.match(explain({ syscall: 'mmap', errno: -EOPNOTSUPP }, uring, plain).reason, /this runtime refuses/)
})

test('any other error names the call, and the kernel that is asked for', () => {
  const { reason, remedy } = explain({ syscall: 'tee', errno: -EINVAL }, uring, plain)
  assert.equal(reason, 'tee failed with EINVAL')
  assert.match(remedy, /Linux 5\.6 or later; tee's manual page/)
})
