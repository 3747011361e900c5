/** What a try of one technique is. */
import type { Proof, Status, TechniqueName } from './report.js'
import type { Capability } from './surroundings.js'
import type { Workbench } from './workbench.js'

export interface Probe {
  readonly name: TechniqueName
  readonly needs: Needs
  /**
   * Tries the technique on loopback, a memfd or temporary files. Never waits in a system call, and leaves closing
   * and unmapping to the workbench. A Refusal that it throws is explained by `needs`.
   */
  examine(bench: Workbench): Finding | Promise<Finding>
}

/** What a technique asks of the machine: the words for why a system call was refused. */
export interface Needs {
  /** The first kernel that has it, such as `Linux 5.1`, and where it can be left out, the option. */
  readonly kernel: string
  /** Without which the kernel refuses one of the calls, as a Refusal names it. */
  readonly capability?: { readonly name: Capability; readonly call: string }
  /** Whether its memory counts against the limit on locked memory. */
  readonly locksMemory?: true
}

export interface Finding {
  readonly status: Status
  readonly reason: string
  readonly remedy?: string
  readonly proof?: Proof
}
