/** Reading a small file where no disk is waited for. */
import { readSync } from 'node:fs'
import { constants } from 'node:os'
import type { Opened } from '../http/opened.js'
import type { Native } from '../native/calls.js'
import { wasResident } from '../transfer/residency.js'

const { EINTR, EOPNOTSUPP } = constants.errno

/** Fills `bytes` from the file's beginning → whether that was possible with what is in memory. */
export function readResident(native: Native, file: Opened, bytes: Uint8Array): boolean {
  let done = 0
  while (done < bytes.length) {
    const count = native.preadNoWait(file.fd, bytes.subarray(done), done)
    if (count === -EINTR) continue
    // Such as overlayfs, where containers have their files. What was sent a moment ago is in memory still.
    if (count === -EOPNOTSUPP && wasResident(file, 0, file.size)) return readWhole(file, bytes)
    if (count <= 0) return false
    done += count
  }
  return true
}

function readWhole({ fd }: Opened, bytes: Uint8Array): boolean {
  try {
    return readSync(fd, bytes, 0, bytes.length, 0) === bytes.length
  } catch {
    // A broken disk: sending says so.
    return false
  }
}
