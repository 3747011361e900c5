/** Files whose bytes are known, and what is left of them in the page cache. */
import { spawnSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A file of random bytes → its name and the bytes. */
export function randomFile(folder: string, name: string, length: number): { path: string; bytes: Buffer } {
  const bytes = randomFillSync(Buffer.allocUnsafe(length))
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return { path, bytes }
}

/** A file of `length` bytes that are zeros, and take no room, except for the marks. */
export function sparseFile(
  folder: string,
  name: string,
  length: number,
  marks: readonly { at: number; text: string }[],
): string {
  const path = join(folder, name)
  const fd = openSync(path, 'w')
  ftruncateSync(fd, length)
  for (const { at, text } of marks) writeSync(fd, text, at)
  closeSync(fd)
  return path
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Writes the files out and drops them from the page cache: posix_fadvise(2), which Node has no name for. */
export function evict(...paths: string[]): void {
  const program = [
    'import os, sys',
    'for path in sys.argv[1:]:',
    '  fd = os.open(path, os.O_RDONLY)',
    '  os.fsync(fd)',
    '  os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)',
  ].join('\n')
  const { status, stderr } = spawnSync('python3', ['-c', program, ...paths], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`dropping files from the page cache failed: ${stderr}`)
}
