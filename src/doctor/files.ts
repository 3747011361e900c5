/** Small files and directories of /proc and /sys, which a sandbox may hide. */
import { readdirSync, readFileSync } from 'node:fs'

/** A file's text; empty where it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The names in a directory; none where it cannot be read. */
export function listNames(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
