/** Both ends of a connection in one family, as the headers of the PROXY protocol have them. */
import type { InternetAddress } from '../native/socket-address.js'
import type { ProxyHeaderEnds } from './proxy-header-types.js'

interface InternetEnds {
  readonly family: 4 | 6
  readonly source: InternetAddress
  readonly destination: InternetAddress
}

/** Null where an end is unknown or a Unix socket; IPv4 beside IPv6 is mapped into it (RFC 4291, section 2.5.5.2). */
export function internetEnds({ source, destination }: ProxyHeaderEnds): InternetEnds | null {
  if (source === null || destination === null || 'path' in source || 'path' in destination) return null
  if (isIPv4(source) && isIPv4(destination)) return { family: 4, source, destination }
  return { family: 6, source: asIPv6(source), destination: asIPv6(destination) }
}

function isIPv4({ address }: InternetAddress): boolean {
  return !address.includes(':')
}

function asIPv6(end: InternetAddress): InternetAddress {
  return isIPv4(end) ? { address: `::ffff:${end.address}`, port: end.port } : end
}
