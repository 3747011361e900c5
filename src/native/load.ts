/**
 * Finds the addon: prebuilt in a platform package first, else as `npm run build` left it. Where neither loads,
 * everything still works by copying, and `addonMissing` says why.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Native } from './calls.js'

const require = createRequire(import.meta.url)
const platformPackage = `@sluice/${process.platform}-${process.arch}`
const builtPath = fileURLToPath(new URL('../../build/sluice.node', import.meta.url))

const { calls, reason } = load()

/** The addon's calls, or null where it did not load. */
export const native: Native | null = calls

/** Why there is no addon, as a clause that can follow a colon; empty where there is one. */
export const addonMissing: string = reason

function load(): { calls: Native | null; reason: string } {
  if (process.env.SLUICE_ADDON === 'off') return { calls: null, reason: 'SLUICE_ADDON=off forbids the addon' }
  if (process.platform !== 'linux')
    return { calls: null, reason: `the addon is for Linux, this is ${process.platform}` }
  const reasons: string[] = []
  for (const [where, path] of [
    [platformPackage, resolvePlatformPackage()],
    ['build/sluice.node', existsSync(builtPath) ? builtPath : null],
  ] as const) {
    if (path === null) {
      reasons.push(`${where} is not there`)
      continue
    }
    try {
      return { calls: quick(require(path)), reason: '' }
    } catch (error) {
      reasons.push(`${where} does not load (${(error as Error).message})`)
    }
  }
  return { calls: null, reason: reasons.join('; ') }
}

/**
 * V8 looks an object of so many properties through as a hash table, 5 to 10 ns for each name (Node 20 and 24), until it
 * has served as a prototype.
 */
function quick(calls: Native): Native {
  void Object.create(calls).close
  return calls
}

function resolvePlatformPackage(): string | null {
  try {
    return require.resolve(`${platformPackage}/sluice.node`)
  } catch {
    return null
  }
}
