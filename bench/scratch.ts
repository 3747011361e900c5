/** A temporary directory that is gone at the end, however the end comes about, and the files to serve in it. */
import { createHash, randomFillSync } from 'node:crypto'
import { chmod, mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MiB } from '#sluice/base/units.js'
import type { Expected } from './measure/verify.js'

export class Scratch implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async create(): Promise<Scratch> {
    const path = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
    // nginx reads its files as another user where it is started by root.
    await chmod(path, 0o755)
    return new Scratch(path)
  }

  /** Creates a directory in it, which must not exist yet. */
  async directory(name: string): Promise<string> {
    const path = join(this.path, name)
    await mkdir(path)
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

/** Writes random bytes, which stay in the page cache: what is measured is the network, not the disk. */
export async function writeRandomFile(path: string, bytes: number): Promise<Expected> {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(MiB)
  await using file = await open(path, 'w')
  for (let written = 0; written < bytes; written += chunk.length) {
    const piece = randomFillSync(chunk).subarray(0, bytes - written)
    hash.update(piece)
    await file.write(piece)
  }
  return { bytes, sha256: hash.digest('hex') }
}
