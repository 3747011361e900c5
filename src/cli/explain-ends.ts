/** What the words of `sluice explain` stand for, and what is said of them. */
import { fstatSync, type Stats, statSync } from 'node:fs'
import { SluiceError } from '../base/errors.js'
import { showBytes } from '../base/figures.js'
import { show } from '../base/options.js'
import { GiB } from '../base/units.js'
import { Pool } from '../memory/pool.js'
import { file, pipe, socket } from '../transfer/ends/endpoints.js'
import type { SinkLike, SourceLike } from '../transfer/ends/ends.js'
import { memory } from '../transfer/ends/memory-source.js'
import type { Stage } from './explain-stage.js'
import { parseSize } from './parse-size.js'

export interface ExplainedSource {
  readonly end: SourceLike
  /** What it is, for people. */
  readonly is: string
  /** How many bytes it has, where that is known. */
  readonly bytes: number | undefined
}

export interface ExplainedSink {
  readonly end: SinkLike
  readonly is: string
}

/** It is allocated, so that the plan is that of a transfer. */
const memoryBytesMax = 1 * GiB
const portMax = 65_535

/** @throws ERR_SLUICE_OPTION where the word stands for nothing that bytes can come from */
export async function explainedSource(word: string, stage: Stage): Promise<ExplainedSource> {
  const { kind, rest } = parse(word)
  switch (kind) {
    case 'file':
      return fileSource(rest)
    case 'standard':
      return { ...standard(0, 'standard input'), bytes: bytesOfInput() }
    case 'memory': {
      const bytes = memoryBytes(rest)
      return { end: memory(new Uint8Array(bytes)), is: `memory of ${showBytes(bytes)}`, bytes }
    }
    case 'lease': {
      const bytes = memoryBytes(rest)
      const pool = new Pool({ slots: 1, slotBytes: bytes })
      stage.atEnd(() => void pool.close())
      return { end: await pool.take(), is: `a slot of ${showBytes(bytes)} of a pool`, bytes }
    }
    case 'pipe':
      return {
        end: pipe(stage.pipe().output),
        is: `the pipe ${show(rest)}, which is not opened`,
        bytes: undefined,
      }
    default:
      return { end: socket(await connection(kind, stage)), is: connectionText(kind, rest), bytes: undefined }
  }
}

/** @throws ERR_SLUICE_OPTION where the word stands for nothing that bytes can go to */
export async function explainedSink(word: string, stage: Stage): Promise<ExplainedSink> {
  const { kind, rest } = parse(word)
  switch (kind) {
    case 'file':
      return { end: file(rest), is: `the file ${show(rest)}` }
    case 'standard':
      return standard(1, 'standard output')
    case 'memory':
    case 'lease':
      throw new SluiceError('ERR_SLUICE_OPTION', `${show(word)} cannot be TO: memory is no sink`)
    case 'pipe':
      return { end: pipe(stage.pipe().input), is: `the pipe ${show(rest)}, which is not opened` }
    default:
      return { end: socket(await connection(kind, stage)), is: connectionText(kind, rest) }
  }
}

const kinds = ['file', 'tcp', 'unix', 'pipe', 'memory', 'lease'] as const
type Kind = (typeof kinds)[number] | 'standard'

/** A file whose name looks otherwise is named with `file:` or `./` before it. */
function parse(word: string): { kind: Kind; rest: string } {
  if (word === '-') return { kind: 'standard', rest: '' }
  const kind = kinds.find(each => word.startsWith(`${each}:`))
  const rest = kind === undefined ? word : word.slice(kind.length + 1)
  if (rest === '')
    throw new SluiceError('ERR_SLUICE_OPTION', `${show(word)} names nothing (sluice explain --help)`)
  if (kind === 'tcp') checkAddress(word, rest)
  return { kind: kind ?? 'file', rest }
}

function checkAddress(word: string, rest: string): void {
  const port = /^(?:\[[^\]]+\]|[^:]+):(\d+)$/.exec(rest)?.[1]
  if (port !== undefined && Number(port) >= 1 && Number(port) <= portMax) return
  throw new SluiceError('ERR_SLUICE_OPTION', `${show(word)} must be tcp:HOST:PORT, such as tcp:192.0.2.1:80`)
}

function memoryBytes(text: string): number {
  const bytes = parseSize('memory', text)
  if (bytes >= 1 && bytes <= memoryBytesMax) return bytes
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `memory must have 1 B to ${showBytes(memoryBytesMax)}, not ${show(text)}`,
  )
}

function fileSource(name: string): ExplainedSource {
  const stats = statSync(name, { throwIfNoEntry: false })
  if (stats === undefined) throw new SluiceError('ERR_SLUICE_FILE', `${show(name)} does not exist`)
  if (stats.isDirectory()) throw new SluiceError('ERR_SLUICE_FILE', `${show(name)} is a directory`)
  const bytes = stats.isFile() ? stats.size : undefined
  const what = bytes === undefined ? kindOf(stats) : `of ${showBytes(bytes)}`
  return { end: file(name), is: `the file ${show(name)}, ${what}`, bytes }
}

/** Standard input or output, by what it truly is. */
function standard(fd: 0 | 1, name: string) {
  const stats = fstatSync(fd)
  return { end: stats.isFile() ? file(fd) : pipe(fd), is: `${name}, ${kindOf(stats)}` }
}

function bytesOfInput(): number | undefined {
  const stats = fstatSync(0)
  return stats.isFile() ? stats.size : undefined
}

function kindOf(stats: Stats): string {
  if (stats.isFile()) return 'a file'
  if (stats.isFIFO()) return 'a pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

async function connection(kind: Kind, stage: Stage) {
  return kind === 'tcp' ? await stage.tcp() : stage.unix()
}

function connectionText(kind: Kind, rest: string): string {
  return `${kind === 'tcp' ? 'a TCP connection to' : 'the Unix socket'} ${rest}, which is not connected to`
}
