/**
 * What tells one version of a file from another (RFC 9110, section 8.8).
 *
 * The entity-tag is strong: it is made of the inode, the size, and both times of change with their nanoseconds. The
 * ctime cannot be set back, so a file of equal size that was given its old mtime again (rsync, tar, reproducible
 * builds) still gets another tag; the inode tells a file that was renamed into place from the one before. What is
 * left is a file rewritten in place, at equal size, within one tick of the kernel's clock after it was served: up to
 * 10 ms before Linux 6.13, which since gives a finer time to a file whose time was looked at. Files replaced by
 * rename are never in doubt.
 */
import { formatHttpDate } from './http-date.js'

/** The numbers of stat(2) that make up the tag. */
export interface Version {
  readonly inode: number
  /** Bytes. */
  readonly size: number
  readonly mtimeSeconds: number
  readonly mtimeNanoseconds: number
  readonly ctimeSeconds: number
  readonly ctimeNanoseconds: number
}

export interface Validators {
  /** A strong entity-tag, with its quotes. */
  readonly etag: string
  /** The date of the last change, and the same in seconds; null where HTTP cannot say it. */
  readonly lastModified: string | null
  readonly lastModifiedSeconds: number | null
}

/**
 * The validators of a file in one content coding; every coding has a tag of its own. A date of change that lies
 * ahead is replaced by `nowSeconds` (section 8.8.2.1).
 */
export function validatorsOf(version: Version, coding: string | null, nowSeconds: number): Validators {
  const seconds = Math.min(version.mtimeSeconds, nowSeconds)
  const lastModified = formatHttpDate(seconds)
  return {
    etag: entityTag(version, coding),
    lastModified,
    lastModifiedSeconds: lastModified === null ? null : seconds,
  }
}

function entityTag(version: Version, coding: string | null): string {
  const { inode, size, mtimeSeconds, mtimeNanoseconds, ctimeSeconds, ctimeNanoseconds } = version
  const mtime = `${mtimeSeconds.toString(36)}.${mtimeNanoseconds.toString(36)}`
  const same = ctimeSeconds === mtimeSeconds && ctimeNanoseconds === mtimeNanoseconds
  const ctime = same ? '' : `-${ctimeSeconds.toString(36)}.${ctimeNanoseconds.toString(36)}`
  return `"${inode.toString(36)}-${size.toString(36)}-${mtime}${ctime}${coding === null ? '' : `-${coding}`}"`
}
