/** Finds a shared library as the dynamic linker would, and tries to load it. */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { listNames } from './files.js'

export interface Library {
  /** Such as `libfabric.so.1`. */
  readonly name: string
  /** Why it does not load, as the dynamic linker says; null where it does. */
  readonly defect: string | null
}

/** Where libraries are on machines without a linker cache, and beside it. */
const directories = ['/usr/local/lib', '/usr/local/lib64', '/usr/lib', '/usr/lib64', '/lib', '/lib64']

/** `stem` is the name up to `.so`. null where there is none. */
export function findLibrary(stem: string): Library | null {
  const path = searchPath(stem) ?? searchCache(stem)
  return path === null ? null : { name: basename(path), defect: tryLoading(path) }
}

function searchPath(stem: string): string | null {
  const named = (process.env.LD_LIBRARY_PATH ?? '').split(':').filter(directory => directory !== '')
  for (const directory of [...named, ...directories]) {
    const name = listNames(directory).find(entry => entry === `${stem}.so` || entry.startsWith(`${stem}.so.`))
    if (name !== undefined) return join(directory, name)
  }
  return null
}

/** The linker's cache names every library that it knows by its path, between NULs (ldconfig(8)). */
function searchCache(stem: string): string | null {
  try {
    const cache = readFileSync('/etc/ld.so.cache', 'latin1')
    return (
      cache.split('\0').find(entry => entry.startsWith('/') && basename(entry).startsWith(`${stem}.so`)) ??
      null
    )
  } catch {
    return null
  }
}

/** Node loads it as if it were an addon, finds that it is none, and unloads it: that far it is a library that loads. */
function tryLoading(path: string): string | null {
  try {
    process.dlopen({ exports: {} }, path)
    return null
  } catch (error) {
    const { message } = error as Error
    return message.includes('did not self-register') ? null : message
  }
}
