/**
 * What this process is short of, descriptors or memory: nobody's fault but its own, so no upstream is blamed for it. As
 * long as a client waits for a descriptor to be connected with, no other is accepted: it would get that descriptor, and
 * wait as well. Of the process, not of one proxy: descriptors are.
 */
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'

const { EMFILE, ENFILE, ENOBUFS, ENOMEM } = constants.errno

/** How long to wait before trying again: nothing tells when there is something. */
export const shortageMs = 20

/** How long it is taken to last when nobody says so again. */
const lastsMs = 100

let until = 0

/** Whether -errno says that the process is short of something. */
export function isShortage(errno: number): boolean {
  return errno === -EMFILE || errno === -ENFILE || errno === -ENOBUFS || errno === -ENOMEM
}

export function noteShortage(): void {
  until = performance.now() + lastsMs
}

/** Whether somebody waits for what there is not. */
export function isShort(): boolean {
  return until !== 0 && performance.now() < until
}
