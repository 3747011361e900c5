/** Sizes on the command line: whole numbers of bytes, or of KiB, MiB or GiB. */
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { GiB, KiB, MiB } from '../base/units.js'

const units: Record<string, number> = { '': 1, b: 1, kib: KiB, mib: MiB, gib: GiB }

/** @throws ERR_SLUICE_OPTION, which names `what` */
export function parseSize(what: string, text: string): number {
  const [, digits, unit] = /^(\d+) ?([a-z]*)$/i.exec(text) ?? []
  const factor = units[unit?.toLowerCase() ?? '?']
  const bytes = Number(digits) * (factor ?? Number.NaN)
  if (Number.isSafeInteger(bytes)) return bytes
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${what} must be a size, such as 4096, 64KiB or 1MiB, not ${show(text)}`,
  )
}
