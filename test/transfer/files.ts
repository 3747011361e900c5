/** What the tests of transfers from file to file share. */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'

/** Several pieces of every path, and several reads of a copy; not a multiple of a page. */
export const largeBytes = 40 * MiB + 5

/** A file that takes several pieces on every path which moves bytes. */
export function largeFile(folder: string): { path: string; bytes: Buffer } {
  const bytes = Buffer.alloc(largeBytes, 'not a hole ')
  const path = join(folder, 'large.bin')
  writeFileSync(path, bytes)
  return { path, bytes }
}

/** The path that is taken in this folder where `wanted` is asked for. */
export function filePathTaken(folder: string, wanted: PathName): PathName {
  if (native === null) return 'copy'
  return wanted === 'reflink' && !sharesBlocks(folder) ? 'copy_file_range' : wanted
}

/** Whether the folder's file system lets files share their blocks. */
function sharesBlocks(folder: string): boolean {
  const source = join(folder, 'shared-source')
  writeFileSync(source, 'bytes')
  const from = openSync(source, 'r')
  const to = openSync(join(folder, 'shared-sink'), 'w')
  const result = native!.ficlone(to, from)
  closeSync(from)
  closeSync(to)
  return result === 0
}
