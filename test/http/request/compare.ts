/** The rule of the comparison: where Node accepts a head we agree or refuse; where Node refuses we do not accept. */
import { fieldNames } from '#sluice/http/request/field.js'
import type { NodeRequest } from './node-parser.js'
import type { OurReading, OurRequest } from './our-reading.js'

/** What we accept and Node refuses, and why. */
const acceptedAlone: readonly { reason: string; applies: (request: OurRequest) => boolean }[] = [
  {
    reason: 'RFC 9110, section 2.5: a minor version that is not known is treated as the highest that is',
    applies: ({ text }) => / HTTP\/1\.[2-9]\r\n/.test(text),
  },
  {
    reason:
      'RFC 9110, section 5.5: tabs after a value are not part of it; Node minds them after a Content-Length',
    applies: ({ text }) => /^content-length:[ \t]*\d+[ \t]*\t[ \t]*\r\n/im.test(text),
  },
]

/** Where we close the connection and Node would keep it, and why: closing is always allowed. */
const closedAlone: readonly { reason: string; applies: (request: OurRequest) => boolean }[] = [
  {
    reason: 'content is not read, so that the next head cannot be found',
    applies: ({ contentLength }) => contentLength > 0,
  },
  {
    reason: 'close was asked for; Node overlooks it beside a tab, and in HTTP/1.0 beside keep-alive',
    applies: ({ headers }) => /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(headers.connection ?? ''),
  },
]

/** Where we keep the connection and Node would close it, and why. */
const keptAlone: readonly { reason: string; applies: (request: OurRequest) => boolean }[] = [
  {
    reason: 'keep-alive was asked for in HTTP/1.0; Node overlooks it beside a tab',
    applies: ({ minor, headers, text }) =>
      minor === 0 && /keep-alive/i.test(headers.connection ?? '') && /^connection:.*\t/im.test(text),
  },
]

/** What the two disagree about, against the rule; null where they do not. */
export function disagreement(ours: OurReading, nodes: readonly NodeRequest[]): string | null {
  for (const [index, our] of ours.requests.entries()) {
    const node = nodes[index]
    if (node === undefined) {
      return acceptedAlone.some(({ applies }) => applies(our))
        ? null
        : `request ${index}: only we accept ${JSON.stringify(our.text)}`
    }
    const difference = differenceOf(our, node)
    if (difference !== null) return `request ${index}: ${difference} in ${JSON.stringify(our.text)}`
    // Node reads no further.
    if (node.keepAlive !== true) return null
  }
  const open = ours.refusal === null && ours.requests.at(-1)?.keepAlive !== false
  if (open && nodes.length > ours.requests.length) {
    return `request ${ours.requests.length}: Node accepts what we wait for the end of`
  }
  return null
}

function differenceOf(our: OurRequest, node: NodeRequest): string | null {
  if (our.method !== node.method) return `method ${our.method}, Node ${node.method}`
  if (our.target !== node.target) return `target ${our.target}, Node ${node.target}`
  if (`1.${our.minor}` !== node.version) return `version 1.${our.minor}, Node ${node.version}`
  if (our.keepAlive && node.keepAlive === false && !keptAlone.some(({ applies }) => applies(our))) {
    return 'only we keep the connection'
  }
  if (!our.keepAlive && node.keepAlive && !closedAlone.some(({ applies }) => applies(our))) {
    return 'only Node keeps the connection'
  }
  for (const name of fieldNames) {
    const value = name === 'host' ? expectedHost(node) : node.header(name)
    if (our.headers[name] !== value) return `${name} ${our.headers[name]}, Node ${value}`
  }
  return null
}

/** Node leaves it to the program to put the host of a target in absolute form in the place of Host. */
function expectedHost(node: NodeRequest): string | undefined {
  return /^https?:\/\/([^/?]+)/i.exec(node.target)?.[1] ?? node.header('host')
}
