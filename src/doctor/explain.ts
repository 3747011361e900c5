/** Turns a refused system call into what it means here and what to do about it. */
import { constants, tmpdir } from 'node:os'
import { errnoName } from '../base/errors.js'
import { KiB } from '../base/units.js'
import type { Needs } from './probe.js'
import type { Surroundings } from './surroundings.js'

export interface Explanation {
  readonly reason: string
  readonly remedy: string
}

const codes = constants.errno
/** Nothing else that is tried makes these calls. */
const temporaryFileCalls = new Set(['mkdtemp', 'open'])

interface Refused {
  readonly syscall: string
  readonly errno: number
}

export function explain({ syscall, errno }: Refused, needs: Needs, around: Surroundings): Explanation {
  const said = `${syscall} failed with ${errnoName(errno)}`
  if (temporaryFileCalls.has(syscall)) {
    return {
      reason: `${said}: no temporary file can be made in ${tmpdir()}`,
      remedy: 'point TMPDIR to a directory that can be written (docker run --tmpfs /tmp)',
    }
  }
  switch (-errno) {
    case codes.EPERM:
    case codes.EACCES:
      return explainForbidden(said, syscall, needs, around)
    case codes.ENOSYS:
      return around.seccomp
        ? {
            reason: `${said}: the seccomp filter over this process hides it, or the kernel is older than it`,
            remedy: `${allowInFilter(syscall)}; it needs ${needs.kernel}`,
          }
        : { reason: `${said}: this kernel does not have it`, remedy: `use ${needs.kernel}` }
    case codes.EAFNOSUPPORT:
    case codes.EPROTONOSUPPORT:
      return {
        reason: `${said}: ${around.seccomp ? 'the seccomp filter over this process hides it, or the' : 'the'} kernel was built without it`,
        remedy: around.seccomp
          ? `allow the address family (systemd: RestrictAddressFamilies=), or use ${needs.kernel}`
          : `use ${needs.kernel}`,
      }
    case codes.ENOMEM:
    case codes.ENOBUFS:
      return explainShortage(said, needs, around)
    case codes.EMFILE:
      return {
        reason: `${said}: this process's descriptors are used up`,
        remedy: 'raise the limit: ulimit -n 65536',
      }
    case codes.ENFILE:
      return {
        reason: `${said}: the machine's descriptors are used up`,
        remedy: 'close some, or as root: sysctl -w fs.file-max=1000000',
      }
    case codes.ENOSPC:
    case codes.EDQUOT:
      return {
        reason: `${said}: there is no space left for it`,
        remedy: `free some in ${tmpdir()}, or point TMPDIR to a directory that has some`,
      }
    case codes.ENETUNREACH:
    case codes.EADDRNOTAVAIL:
    case codes.ENETDOWN:
      return { reason: `${said}: the loopback interface is down`, remedy: 'as root: ip link set lo up' }
    case codes.ETIMEDOUT:
      return {
        reason: `${said}: nothing came within a second`,
        remedy:
          'try again on an idle machine; look for a firewall rule on the loopback interface (nft list ruleset)',
      }
    case codes.EOPNOTSUPP:
      if (syscall !== 'mmap') break
      return {
        reason: 'this runtime refuses ArrayBuffers over memory that is not its own',
        remedy: 'run under Node itself (Electron allows none)',
      }
  }
  return { reason: said, remedy: `use ${needs.kernel}; ${syscall}'s manual page explains it` }
}

function explainForbidden(said: string, syscall: string, needs: Needs, around: Surroundings): Explanation {
  const capability = needs.capability?.call === syscall ? needs.capability.name : undefined
  if (syscall === 'io_uring_setup' && around.ioUringDisabled > 0) {
    const whom = around.ioUringDisabled === 1 ? 'processes without CAP_SYS_ADMIN' : 'everybody'
    return {
      reason: `${said}: the sysctl kernel.io_uring_disabled=${around.ioUringDisabled} forbids it to ${whom}`,
      remedy: 'as root on the host: sysctl -w kernel.io_uring_disabled=0',
    }
  }
  if (capability !== undefined && !around.capabilities.includes(capability)) {
    return {
      reason: `${said}: it needs ${capability}, which this process lacks`,
      remedy: grant(capability),
    }
  }
  if (around.seccomp) {
    return {
      reason: `${said}: the seccomp filter over this process refuses it`,
      remedy: allowInFilter(syscall),
    }
  }
  if (capability !== undefined && around.userNamespace) {
    return {
      reason: `${said}: ${capability} counts only inside this user namespace, and the host's is asked for`,
      remedy: 'run outside the user namespace, as root of the host',
    }
  }
  return {
    reason: `${said}: no capability and no seccomp filter explains it, so a security module may`,
    remedy: 'look for SELinux, AppArmor or Landlock in the audit log (journalctl -k)',
  }
}

function explainShortage(
  said: string,
  needs: Needs,
  { lockedBytesMax, capabilities }: Surroundings,
): Explanation {
  if (needs.locksMemory !== true || lockedBytesMax === null || capabilities.includes('CAP_IPC_LOCK')) {
    return {
      reason: `${said}: the kernel has no memory for it`,
      remedy: 'free memory, or raise the memory limit',
    }
  }
  return {
    reason: `${said}: the limit on locked memory is ${lockedBytesMax / KiB} KiB`,
    remedy: 'raise it: ulimit -l unlimited, docker run --ulimit memlock=-1, or systemd LimitMEMLOCK=infinity',
  }
}

/** How a process gets a capability, for whoever may give it. */
export function grant(capability: string): string {
  const short = capability.replace('CAP_', '')
  return `run as root, or with ${capability} (docker run --cap-add ${short}, systemd AmbientCapabilities=${capability})`
}

function allowInFilter(call: string): string {
  // Such as socket(AF_XDP): a filter knows the call's own name.
  const name = call.replace(/\(.*/, '')
  return (
    `allow ${name} in the filter: docker run --security-opt seccomp=PROFILE.json ` +
    `(seccomp=unconfined to try), systemd SystemCallFilter=${name}`
  )
}
