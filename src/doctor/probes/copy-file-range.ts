/**
 * copy_file_range(2), and whether the filesystem shares extents instead of copying them (ioctl_ficlone(2)). Shared
 * extents part when one file is written, so changing the source proves nothing here.
 */
import { readSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { errnoName } from '../../base/errors.js'
import { KiB } from '../../base/units.js'
import type { Probe } from '../probe.js'
import { attempt } from '../refusal.js'

const fileBytes = 64 * KiB

export const copyFileRange: Probe = {
  name: 'copy_file_range',
  needs: { kernel: 'Linux 4.5 or later' },
  examine: bench => {
    const { native } = bench
    const content = Buffer.alloc(fileBytes, 'A')
    const source = bench.temporaryFile(content)
    const target = bench.temporaryFile(new Uint8Array())
    const copied = attempt('copy_file_range', native.copyFileRange(source, 0, target, 0, fileBytes))
    const seen = Buffer.alloc(copied)
    readSync(target, seen, 0, copied, 0)
    if (!seen.equals(content.subarray(0, copied))) throw new Error('the copy differs from its source')
    const cloned = native.ficlone(target, source)
    if (cloned === 0) {
      return { status: 'ready', reason: `files in ${tmpdir()} share their extents` }
    }
    return {
      status: 'limited',
      reason: `the kernel copies; the filesystem of ${tmpdir()} shares no extents (FICLONE: ${errnoName(cloned)})`,
      remedy: 'put the files on btrfs, XFS with reflink, bcachefs or OCFS2',
    }
  },
}
