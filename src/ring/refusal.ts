/** What it means that the kernel refuses a ring, or memory for one, and what to do about it. */
import { readFileSync } from 'node:fs'
import { constants, release } from 'node:os'
import { errnoName, SluiceError, systemError } from '../base/errors.js'

const { EACCES, EINVAL, EMFILE, ENFILE, ENOMEM, ENOSYS, EPERM } = constants.errno

/** The oldest kernel that has all that a ring is set up with (DEFER_TASKRUN). */
export const oldestKernel = 'Linux 6.1'

interface Why {
  reason: string
  remedy: string
}

/** The error for a refused io_uring_setup(2), for the mapping of a ring, or for entering it. */
export function setupRefused(errno: number, syscall: string): SluiceError {
  if (errno === -EMFILE || errno === -ENFILE) return systemError(errno, syscall, 'Opening a ring')
  const { reason, remedy } = explain(errno, syscall === 'mmap' ? 'io_uring_setup' : syscall)
  return new SluiceError(
    errno === -ENOMEM ? 'ERR_SLUICE_MEMORY' : 'ERR_SLUICE_RING',
    `Opening a ring: ${syscall} failed with ${errnoName(errno)}: ${reason}`,
    { errno, syscall, remedy },
  )
}

/** The error for a refused io_uring_register(2); `what` says what was to be registered. */
export function registerRefused(errno: number, what: string): SluiceError {
  if (errno === -ENOMEM) {
    return new SluiceError('ERR_SLUICE_MEMORY', `${what}: io_uring_register failed with ENOMEM`, {
      errno,
      syscall: 'io_uring_register',
      remedy: lockedMemory.remedy,
    })
  }
  if (errno === -EPERM || errno === -ENOSYS || errno === -EACCES) {
    const { reason, remedy } = forbidden('io_uring_register')
    return new SluiceError(
      'ERR_SLUICE_RING',
      `${what}: io_uring_register failed with ${errnoName(errno)}: ${reason}`,
      { errno, syscall: 'io_uring_register', remedy },
    )
  }
  return systemError(errno, 'io_uring_register', what)
}

const lockedMemory: Why = {
  reason: 'the limit on locked memory is reached, or memory is short',
  remedy:
    'Raise the limit: ulimit -l unlimited, docker run --ulimit memlock=-1, systemd LimitMEMLOCK=infinity.',
}

function explain(errno: number, syscall: string): Why {
  switch (-errno) {
    case EPERM:
    case EACCES:
    case ENOSYS:
      return forbidden(syscall)
    case EINVAL:
      return {
        reason: `this kernel (${release()}) does not know what a ring needs, or has no such cpu for submissionThread`,
        remedy: `Use ${oldestKernel} or later, or the poll engine.`,
      }
    case ENOMEM:
      return lockedMemory
    default:
      return {
        reason: 'the kernel says no',
        remedy: 'Use the poll engine; `sluice doctor` tries what works.',
      }
  }
}

function forbidden(syscall: string): Why {
  const disabled = Number(readText('/proc/sys/kernel/io_uring_disabled') || 0)
  if (disabled > 0 && syscall === 'io_uring_setup') {
    const whom = disabled === 1 ? 'processes without CAP_SYS_ADMIN' : 'everybody'
    return {
      reason: `the sysctl kernel.io_uring_disabled=${disabled} forbids it to ${whom}`,
      remedy: 'As root on the host: sysctl -w kernel.io_uring_disabled=0; or use the poll engine.',
    }
  }
  if (/^Seccomp:\s*2$/m.test(readText('/proc/self/status'))) {
    return {
      reason: 'the seccomp filter over this process refuses it',
      remedy: `Allow ${syscall} in the filter (docker run --security-opt seccomp=PROFILE.json), or use the poll engine.`,
    }
  }
  return {
    reason: 'the kernel was built without it, or a security module forbids it',
    remedy: 'Look in the audit log (journalctl -k), or use the poll engine.',
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // A container may hide it.
    return ''
  }
}
