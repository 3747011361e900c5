/** Which operations this kernel knows, by asking it. */
import type { Native } from '../native/calls.js'
import { REGISTER_PROBE } from './flags.js'
import { probe } from './layout.js'
import { registerRefused } from './refusal.js'

const operationsMax = 256

/** @throws ERR_SLUICE_RING */
export function supportedOperations(native: Native, fd: number): ReadonlySet<number> {
  const answer = new Uint8Array(probe.headBytes + operationsMax * probe.operationBytes)
  const errno = native.ioUringRegister(fd, REGISTER_PROBE, answer, operationsMax)
  if (errno < 0) throw registerRefused(errno, 'Asking which operations there are')
  const supported = new Set<number>()
  for (let operation = 0; operation < operationsMax; operation++) {
    const at = probe.headBytes + operation * probe.operationBytes
    if ((answer[at + probe.operationFlags]! & probe.supported) !== 0) supported.add(answer[at]!)
  }
  return supported
}
