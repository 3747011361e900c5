/** What the same test expects with the addon and without it. */
import { addonMissing, native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'

/** For tests of what only the addon can do. */
export const needsAddon = { skip: native === null && `there is no addon: ${addonMissing}` }

/** The path that a transfer takes which could go by `wanted`. */
export function pathTaken(wanted: PathName): PathName {
  return native === null ? 'copy' : wanted
}
