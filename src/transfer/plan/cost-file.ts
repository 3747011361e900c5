/** The file of a measured table: where it is, how it is written, and what it must be to be believed. */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { SluiceError, systemError } from '../../base/errors.js'
import { KiB } from '../../base/units.js'
import { type Costs, type Measured, type PathCosts, pairNames } from './costs.js'
import type { Machine } from './machine.js'
import { pathNames } from './path.js'

export interface StoredCosts {
  readonly machine: Machine
  /** Milliseconds since 1970. */
  readonly measuredAt: number
  readonly costs: Costs
}

/** It changes when an old reader would misunderstand a new file, or the other way round. */
const format = 1
/** A table of every pair and path at five sizes has 8 KiB. */
const fileBytesMax = 256 * KiB
const measuredMax = 32
/** No transfer that is measured takes an hour. */
const nsMax = 3600e9
const nameCharsMax = 80

/** Where the table of this machine belongs, or why it has no place. */
export function costFilePath({ kernel, cpu }: Machine): { path: string } | { missing: string } {
  const { SLUICE_COSTS: given, XDG_CACHE_HOME: cache, HOME: home } = process.env
  if (given) return given === 'off' ? { missing: 'SLUICE_COSTS=off' } : { path: given }
  // The XDG base directory specification has relative names ignored.
  const folder = cache && isAbsolute(cache) ? cache : home && isAbsolute(home) ? join(home, '.cache') : null
  if (folder === null)
    return { missing: 'there is no cache directory: neither XDG_CACHE_HOME nor HOME is set' }
  // What is in the file decides, so names that are cut or alike do no harm.
  const name = `${kernel}-${cpu}`.replaceAll(/[^A-Za-z0-9.]+/g, '-').slice(0, nameCharsMax)
  return { path: join(folder, 'sluice', `costs-${name}.json`) }
}

/** → the table, or as a clause why there is none to be believed. */
export function readCostFile(path: string): StoredCosts | string {
  try {
    const text = readOwnFile(path)
    return parseCosts(JSON.parse(text))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'none has been measured yet'
    // What open(2) with O_NOFOLLOW says of a symbolic link.
    if (code === 'ELOOP') return 'it is a symbolic link'
    if (code !== undefined) return `it cannot be read (${code})`
    return error instanceof Disbelief ? message : 'it is not JSON'
  }
}

/**
 * Writes the table in one stroke: a reader finds the old one or the new one.
 *
 * @throws ERR_SLUICE_FILE, ERR_SLUICE_SYSCALL
 */
export function writeCostFile(path: string, { machine, measuredAt, costs }: StoredCosts): void {
  const text = `${JSON.stringify({ format, machine, measuredAt, node: process.version, costs })}\n`
  const unfinished = `${path}.${process.pid}`
  try {
    rmSync(unfinished, { force: true })
    writeFileSync(unfinished, text, { flag: 'wx', mode: 0o600 })
    renameSync(unfinished, path)
  } catch (error) {
    try {
      rmSync(unfinished, { force: true })
    } catch {
      // The directory may be the very thing that is wrong.
    }
    throw storeError(error, path)
  }
}

/**
 * The name of the file for this machine's table, in a directory that is there and can be written.
 *
 * @throws ERR_SLUICE_FILE, ERR_SLUICE_SYSCALL
 */
export function costFileToWrite(machine: Machine): string {
  const place = costFilePath(machine)
  if ('missing' in place) {
    throw new SluiceError('ERR_SLUICE_FILE', `The costs cannot be stored: ${place.missing}`, {
      remedy: 'Set HOME or XDG_CACHE_HOME, or name a file by SLUICE_COSTS.',
    })
  }
  const folder = dirname(place.path)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.W_OK)
  } catch (error) {
    throw storeError(error, place.path)
  }
  return place.path
}

function storeError(cause: unknown, path: string): SluiceError {
  const { errno = 0, syscall = 'open' } = cause as NodeJS.ErrnoException
  const remedy = 'Make the directory writable, or name another file by SLUICE_COSTS.'
  return systemError(errno, syscall, `Storing the costs in ${path}`, { cause, remedy })
}

/** Why a file is not believed, as a clause. */
class Disbelief extends Error {}

function readOwnFile(path: string): string {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants
  // Neither waiting for the other side of a FIFO nor going where a link leads.
  const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const { size, uid, mode } = fstatSync(fd)
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Disbelief('it is not a regular file')
    if (uid !== (process.geteuid?.() ?? uid)) throw new Disbelief('it belongs to another user')
    if ((mode & 0o022) !== 0) throw new Disbelief('others may write it')
    if (size > fileBytesMax) throw new Disbelief(`it has more than ${fileBytesMax} bytes`)
    const buffer = Buffer.alloc(size)
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, size, 0))
  } finally {
    closeSync(fd)
  }
}

function parseCosts(value: unknown): StoredCosts {
  const table = asObject(value, 'it is not a table')
  if (table.format !== format) throw new Disbelief('it has another format')
  const { kernel, build, cpu } = asObject(table.machine, 'it does not say of which machine it is')
  if (typeof kernel !== 'string' || typeof build !== 'string' || typeof cpu !== 'string')
    throw new Disbelief('it does not say of which machine it is')
  if (typeof table.measuredAt !== 'number' || !Number.isFinite(new Date(table.measuredAt).getTime()))
    throw new Disbelief('it does not say when it was measured')
  const costs: { -readonly [Pair in keyof Costs]: Costs[Pair] } = {}
  for (const [pair, paths] of Object.entries(asObject(table.costs, 'it has no costs'))) {
    costs[oneOf(pairNames, pair)] = parsePaths(asObject(paths, `${pair} has no paths`))
  }
  return { machine: { kernel, build, cpu }, measuredAt: table.measuredAt, costs }
}

function parsePaths(paths: Record<string, unknown>): PathCosts {
  const parsed: { -readonly [Path in keyof PathCosts]: PathCosts[Path] } = {}
  for (const [path, list] of Object.entries(paths)) {
    if (!Array.isArray(list) || list.length === 0 || list.length > measuredMax)
      throw new Disbelief(`${path} has no list of figures`)
    const measured = list.map(parseMeasured)
    if (measured.some(([bytes], i) => i > 0 && bytes <= measured[i - 1]![0]))
      throw new Disbelief('sizes do not ascend')
    parsed[oneOf(pathNames, path)] = measured
  }
  return parsed
}

function parseMeasured(value: unknown): Measured {
  const [bytes, ns, ...more]: unknown[] = Array.isArray(value) ? value : []
  const known =
    typeof bytes === 'number' &&
    Number.isSafeInteger(bytes) &&
    bytes > 0 &&
    typeof ns === 'number' &&
    ns > 0 &&
    ns <= nsMax &&
    more.length === 0
  if (!known) throw new Disbelief('a figure is no size with its nanoseconds')
  return [bytes, ns]
}

function asObject(value: unknown, otherwise: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Disbelief(otherwise)
  return value as Record<string, unknown>
}

function oneOf<Word extends string>(words: readonly Word[], word: string): Word {
  if (words.includes(word as Word)) return word as Word
  throw new Disbelief('it has figures of what is not known here')
}
