/** A pipe that is source and sink at once: what is read from it would be written back to it, for ever. */
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { SluiceError } from '../../base/errors.js'
import type { Native } from '../../native/calls.js'
import { kindOf } from '../plan/plan-relay.js'
import type { SinkTarget } from './endpoints.js'
import { descriptorOf } from './held-socket.js'

/** @throws ERR_SLUICE_OPTION where the two are ends of one pipe */
export function checkSamePipe(native: Native, from: Readable | number, to: SinkTarget): void {
  if (kindOf(from) !== 'pipe' || kindOf(to) !== 'pipe' || identity(native, from) !== identity(native, to))
    return
  throw new SluiceError('ERR_SLUICE_OPTION', 'The source and the sink are the ends of one pipe', {
    remedy: 'Give the ends of two pipes: one to read from, another to write to.',
  })
}

const stat = new Float64Array(8)

/** Both ends of a pipe have one inode. */
function identity(native: Native, end: Readable | SinkTarget): string {
  native.fstat(typeof end === 'number' ? end : descriptorOf(end as Socket), stat)
  return `${stat[5]}:${stat[4]}`
}
