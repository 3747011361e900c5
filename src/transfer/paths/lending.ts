/** Around sending memory by reference: the pages are lent before it and taken back after it, where they are to be. */
import type { MemoryPieces } from '../memory-pieces.js'
import type { ReferenceEnds } from './reference-ends.js'

/** Before the first system call → why the pages cannot be lent, or an empty string. */
export function lendPages({ region }: MemoryPieces): string {
  if (region === null) return 'the memory has no descriptor, or its bytes may change'
  return region.pages === null ? '' : region.pages.lend()
}

/** After the last one: `taken` says whether anybody refers to the pages now. */
export function takePagesBack({ region }: MemoryPieces, taken: boolean, ends: ReferenceEnds): void {
  const pages = region?.pages ?? null
  if (pages === null) ends.released(0)
  else pages.takeBack(taken, () => ends.released(0))
}
