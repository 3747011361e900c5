/** How much of a head is read before it is refused. */
import { checkInteger } from '../../base/options.js'
import { KiB, MiB } from '../../base/units.js'

export interface RequestLimits {
  /** Bytes of a whole head, with the empty line that ends it; 16 KiB if not given. */
  headBytesMax?: number | undefined
  /** Fields in a head; 100 if not given. */
  fieldsMax?: number | undefined
  /** Bytes of a target; 8 KiB if not given. */
  targetBytesMax?: number | undefined
}

/** @throws ERR_SLUICE_OPTION where a limit is not a number within its own limits */
export function resolveRequestLimits(limits: RequestLimits): { [Name in keyof RequestLimits]-?: number } {
  const { headBytesMax = 16 * KiB, fieldsMax = 100, targetBytesMax = 8 * KiB } = limits
  return {
    headBytesMax: checkInteger('headBytesMax', headBytesMax, { min: 64, max: MiB }),
    fieldsMax: checkInteger('fieldsMax', fieldsMax, { min: 1, max: 10_000 }),
    targetBytesMax: checkInteger('targetBytesMax', targetBytesMax, { min: 1, max: MiB }),
  }
}
