/** What the doctor says, as the program and `sluice doctor --json` get it. */

import type { EngineName } from '../engine/engine.js'

/** The means of moving bytes that are looked for. */
export type TechniqueName =
  | 'sendfile'
  | 'splice'
  | 'tee'
  | 'vmsplice'
  | 'mmap'
  | 'writev'
  | 'msg_zerocopy'
  | 'tcp_zerocopy_receive'
  | 'copy_file_range'
  | 'io_uring'
  | 'io_uring_send_zc'
  | 'io_uring_zcrx'
  | 'memfd'
  | 'huge_pages'
  | 'shared_memory'
  | 'af_xdp'
  | 'dpdk'
  | 'rdma'
  | 'ktls'

/** `limited`: it works, but does less here than it is for, such as copying after all. */
export type Status = 'ready' | 'limited' | 'missing'

/**
 * How bytes were seen to reach the peer: the source was changed after the call and before the peer read. A peer
 * that gets the new bytes got them by reference.
 */
export type Proof = 'by reference' | 'copied'

export interface Technique {
  readonly name: TechniqueName
  readonly status: Status
  /** What was seen when it was tried. */
  readonly reason: string
  /** What to do to get more; null where there is nothing to get. */
  readonly remedy: string | null
  /** null where nothing was moved, or nothing can be proved by changing the source. */
  readonly proof: Proof | null
}

/** Whose powers the tries had. */
export interface User {
  readonly uid: number
  readonly name: string
  /** Those that a technique may need and this process has, such as `CAP_NET_RAW`. */
  readonly capabilities: readonly string[]
  /** Whether a seccomp filter decides over this process's system calls. */
  readonly seccomp: boolean
  /** What the kernel may pin for this process, in bytes; null where there is no limit, or none is known. */
  readonly lockedBytesMax: number | null
}

/** By which costs plans are made. */
export interface CostsInForce {
  readonly origin: 'measured' | 'built-in'
  /** ISO 8601, UTC; null where they are built in. */
  readonly measuredAt: string | null
  /** The file of this machine's table, there or not; null where it has no place. */
  readonly path: string | null
  /** Why they are built in, as a clause; empty where they are not. */
  readonly why: string
}

/** By which engine transfers wait for their sockets. */
export interface EngineInForce {
  /** null where there is none, and everything is copied. */
  readonly name: EngineName | null
  /** Why this one, or none, as a clause. */
  readonly why: string
}

export interface DoctorReport {
  /** The kernel's release, such as `6.1.0`. Nothing is concluded from it. */
  readonly kernel: string
  readonly arch: string
  /** Node's version. */
  readonly node: string
  readonly addon: { readonly loaded: boolean; readonly reason: string | null }
  readonly user: User
  readonly engine: EngineInForce
  readonly costs: CostsInForce
  readonly techniques: readonly Technique[]
}
