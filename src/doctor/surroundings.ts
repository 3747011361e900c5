/** What decides over the process from outside: its user, capabilities, limits, seccomp filter, sysctls. */
import { userInfo } from 'node:os'
import { readText } from './files.js'

/** The capabilities that a technique may need, by their bit (capabilities(7)). */
const capabilityBits = {
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_SYS_ADMIN: 21,
  CAP_BPF: 39,
} as const

export type Capability = keyof typeof capabilityBits

export const capabilityNames = Object.keys(capabilityBits) as Capability[]

export interface Surroundings {
  readonly uid: number
  readonly name: string
  readonly capabilities: readonly Capability[]
  /** Whether the capabilities count only inside a user namespace, as in a rootless container. */
  readonly userNamespace: boolean
  readonly seccomp: boolean
  /** In bytes; null where there is no limit, or none is known. */
  readonly lockedBytesMax: number | null
  /** sysctl kernel.io_uring_disabled: 0 nobody, 1 unprivileged processes, 2 everybody. 0 where it is not there. */
  readonly ioUringDisabled: number
}

export function lookAround(): Surroundings {
  const status = readText('/proc/self/status')
  return {
    uid: process.getuid?.() ?? -1,
    name: userName(),
    capabilities: parseCapabilities(status),
    userNamespace: !/^\s*0\s+0\s+4294967295\s*$/.test(readText('/proc/self/uid_map') || '0 0 4294967295'),
    seccomp: /^Seccomp:\s*2$/m.test(status),
    lockedBytesMax: parseLockedBytes(readText('/proc/self/limits')),
    ioUringDisabled: Number(readText('/proc/sys/kernel/io_uring_disabled') || 0),
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container's user is often in no password file.
    return ''
  }
}

function parseCapabilities(status: string): Capability[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return capabilityNames.filter(name => (effective >> BigInt(capabilityBits[name])) & 1n)
}

function parseLockedBytes(limits: string): number | null {
  const soft = /^Max locked memory\s+(\d+)\s/m.exec(limits)?.[1]
  return soft === undefined ? null : Number(soft)
}
