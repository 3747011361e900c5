/** Which content codings a client takes (RFC 9110, section 12.5.3), of those that a file can lie beside itself in. */
import { listItems } from './list.js'

export interface Coding {
  /** Its name in Content-Encoding. */
  readonly token: string
  /** What is appended to a file's name. */
  readonly suffix: string
}

/** The codings looked for, in order of preference where the client has none. */
export const codings: readonly Coding[] = [
  { token: 'br', suffix: '.br' },
  { token: 'zstd', suffix: '.zst' },
  { token: 'gzip', suffix: '.gz' },
]

export interface Accepted {
  /** The codings to try, best first: those that the client likes no less than the file as it is. */
  readonly codings: readonly Coding[]
  /** Whether the file as it is may be sent. */
  readonly identity: boolean
}

const identityOnly: Accepted = { codings: [], identity: true }
const element = /^([\w!#$%&'*+.^`|~-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i

/** What was read from headers before: clients send few different ones. */
const remembered = new Map<string, Accepted>()
const rememberedMax = 64

/** Reads Accept-Encoding. Without the header any coding would do, and the file as it is does best. */
export function acceptedCodings(header: string | undefined): Accepted {
  if (header === undefined || header === '') return identityOnly
  const known = remembered.get(header)
  if (known !== undefined) return known
  const accepted = parseAcceptEncoding(header)
  if (remembered.size >= rememberedMax) remembered.clear()
  remembered.set(header, accepted)
  return accepted
}

function parseAcceptEncoding(header: string): Accepted {
  const weights = parseWeights(header)
  const others = weights.get('*')
  // Not named and not covered by `*`, identity is acceptable but liked least.
  const identityWeight = weights.get('identity') ?? others
  const candidates: { coding: Coding; weight: number }[] = []
  for (const coding of codings) {
    const weight = weights.get(coding.token) ?? others ?? 0
    if (weight > 0 && weight >= (identityWeight ?? 0)) candidates.push({ coding, weight })
  }
  // Sorting is stable: equal weights keep our order.
  candidates.sort((a, b) => b.weight - a.weight)
  return { codings: candidates.map(({ coding }) => coding), identity: identityWeight !== 0 }
}

/** Weights by lower-case name; what is malformed is as if it were not there. */
function parseWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const item of listItems(header)) {
    const match = element.exec(item)
    if (match === null) continue
    const token = match[1]!.toLowerCase()
    weights.set(token === 'x-gzip' ? 'gzip' : token, match[2] === undefined ? 1 : Number(match[2]))
  }
  return weights
}
