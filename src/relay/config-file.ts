/** The options of a proxy, or some of them, from a JSON file. */
import { readFileSync } from 'node:fs'
import { SluiceError } from '../base/errors.js'
import { MiB } from '../base/units.js'
import { checkKnown, checkObject } from './checks.js'
import { type ProxyOptions, proxyFileNames } from './options.js'

const fileBytesMax = 16 * MiB

/** What a file has; whether it is all that a proxy needs, and right, `resolveProxyOptions` finds. */
export type ProxyFile = Partial<Omit<ProxyOptions, 'onEnd'>>

/** @throws ERR_SLUICE_FILE; ERR_SLUICE_OPTION where it is no JSON, or has an option that there is not */
export function readProxyFile(path: string): ProxyFile {
  return parseProxyFile(readText(path), path)
}

/** `path` is for messages. */
export function parseProxyFile(text: string, path: string): ProxyFile {
  const { $schema: _schema, ...file } = checkKnown('', checkObject(path, parse(text, path)), proxyFileNames)
  return file as ProxyFile
}

function readText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new SluiceError('ERR_SLUICE_FILE', `${path} could not be read: ${code}`, { cause })
  }
  if (bytes.length <= fileBytesMax) return bytes.toString()
  throw new SluiceError('ERR_SLUICE_OPTION', `${path} must be a configuration of at most 16 MiB`)
}

function parse(text: string, path: string): unknown {
  try {
    // A byte order mark is nobody's intention.
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (cause) {
    throw new SluiceError('ERR_SLUICE_OPTION', `${path} is no JSON: ${explained(String(cause), text)}`, {
      cause,
    })
  }
}

/** Line and column, where the message has but a position. */
function explained(message: string, text: string): string {
  const plain = message.replace(/^SyntaxError: /, '').replace(/ \(line \d+ column \d+\)$/, '')
  const position = / (?:in JSON )?at position (\d+)/.exec(plain)
  if (position === null) return plain
  const before = text.slice(0, Number(position[1])).split('\n')
  return `${plain.slice(0, position.index)} in line ${before.length}, column ${before.at(-1)!.length + 1}`
}
