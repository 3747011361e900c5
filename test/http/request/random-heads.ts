/** Requests at random: written by the grammar, and then damaged. */
import type { Random } from '../../support/random.js'
import {
  absolutes,
  ends,
  hosts,
  methods,
  names,
  oddHosts,
  oddLines,
  oddMethods,
  oddNames,
  oddTargets,
  oddValues,
  oddVersions,
  targets,
  tricks,
  values,
  versions,
} from './vocabulary.js'

/** One to four requests after one another, of which some are damaged. */
export function randomConnection(random: Random): Buffer {
  let text = ''
  for (let count = 1 + random.below(4); count > 0; count--) text += randomHead(random)
  if (random.below(3) === 0) {
    for (let count = 1 + random.below(3); count > 0; count--) text = damage(random, text)
  }
  return Buffer.from(text, 'latin1')
}

/** Cuts bytes into one to six pieces, none of them empty. */
export function cut(random: Random, bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = []
  let from = 0
  for (let count = random.below(6); count > 0 && bytes.length - from > 1; count--) {
    const to = from + 1 + random.below(bytes.length - from - 1)
    pieces.push(bytes.subarray(from, to))
    from = to
  }
  pieces.push(bytes.subarray(from))
  return pieces
}

function randomHead(random: Random): string {
  const before = random.below(20) === 0 ? '\r\n'.repeat(1 + random.below(4)) : ''
  const method = mostly(random, random.below(3) === 0 ? methods : ['GET'], oddMethods)
  const form = random.below(8) === 0 ? absolutes : random.below(8) === 0 ? targets : ['/a.txt', '/']
  const line = [method, mostly(random, form, oddTargets), mostly(random, versions, oddVersions)]
  const space = () => mostly(random, [' '], ['  ', '\t', '', ' \t'])
  let text = before + line[0] + space() + line[1] + space() + line[2] + end(random)
  for (const field of randomFields(random)) text += field + end(random)
  return text + end(random)
}

function randomFields(random: Random): string[] {
  const fields: string[] = []
  for (let count = random.below(5); count > 0; count--) {
    const name = random.pick(names)!
    fields.push(spell(random, name, random.pick(values[name]!)!))
    // Again, so that what comes twice is tried, with the same value and with others.
    if (random.below(12) === 0) fields.push(spell(random, name, random.pick(values[name]!)!))
  }
  if (random.below(40) === 0) fields.push(random.pick(oddLines)!)
  if (random.below(20) === 0) {
    const name = random.pick(oddNames)!
    fields.push(spell(random, name, random.pick(oddValues[name]!)!))
  }
  const hostCount = random.below(25) === 0 ? random.below(3) : 1
  for (let count = hostCount; count > 0; count--) {
    fields.splice(random.below(fields.length + 1), 0, spell(random, 'Host', mostly(random, hosts, oddHosts)))
  }
  return fields
}

/** A field's line, with the space and the letters that the grammar allows. */
function spell(random: Random, name: string, value: string): string {
  const letters = random.pick([name, name, name.toLowerCase(), name.toUpperCase()])!
  const space = () => random.pick([' ', ' ', '', '\t', '  \t '])!
  return `${letters}:${space()}${value}${random.below(4) === 0 ? space() : ''}`
}

function end(random: Random): string {
  return random.below(60) === 0 ? random.pick(ends)! : '\r\n'
}

/** What is usual; once in forty times what is not. */
function mostly(random: Random, usual: readonly string[], odd: readonly string[]): string {
  return random.pick(random.below(40) === 0 ? odd : usual)!
}

/** Puts in, takes out, replaces or repeats bytes somewhere. */
function damage(random: Random, text: string): string {
  const at = random.below(text.length + 1)
  const length = random.below(random.below(4) === 0 ? 40 : 3)
  const before = text.slice(0, at)
  const after = text.slice(at)
  switch (random.below(5)) {
    case 0:
      return before + random.pick(tricks)! + after
    case 1:
      return before + after.slice(length)
    case 2:
      return before + String.fromCharCode(random.below(256)) + after.slice(1)
    case 3:
      return before + after.slice(0, length) + after
    default:
      return before + random.pick(tricks)! + after.slice(length)
  }
}
