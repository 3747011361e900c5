/** Where a socket is: as the kernel has it, and as options write it. */
import { isIPv4, isIPv6 } from 'node:net'
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { hostAndPort, type InternetAddress, unixPathBytesMax } from '../native/socket-address.js'

export interface UnixAddress {
  /** Of the socket in the filesystem; empty for one that has no name. */
  readonly path: string
}

/** Where a socket is, with nothing left to be resolved. */
export type SocketAddress = InternetAddress | UnixAddress

/** What an option names: a host may be a name that has addresses. */
export type Target = { readonly host: string; readonly port: number } | UnixAddress

const unixPrefix = 'unix:'
const hostBytesMax = 253
const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i

interface TargetLimits {
  /** The least port: 0 where the kernel may choose one. */
  portMin: 0 | 1
}

/**
 * `host:port`, `[IPv6]:port` or `unix:/path`; `option` is what it was given as, for the message.
 *
 * @throws ERR_SLUICE_OPTION
 */
export function parseTarget(option: string, value: unknown, { portMin }: TargetLimits): Target {
  const target = typeof value === 'string' ? readTarget(value, portMin) : null
  if (target !== null) return target
  const ports = `a port of ${portMin} to 65535`
  const path = `unix:/path with at most ${unixPathBytesMax - 1} bytes`
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${option} must be host:port, [IPv6 address]:port with ${ports}, or ${path}, not ${show(value)}`,
  )
}

/** null where it is none. */
export function readTarget(text: string, portMin: 0 | 1): Target | null {
  return text.startsWith(unixPrefix)
    ? unixTarget(text.slice(unixPrefix.length))
    : internetTarget(text, portMin)
}

/** As `parseTarget` reads it. */
export function showTarget(target: Target): string {
  return 'path' in target ? showPath(target) : hostAndPort(target.host, target.port)
}

/** As in `127.0.0.1:80`, `[::1]:80`, `unix:/run/socket`. */
export function showAddress(address: SocketAddress): string {
  return 'path' in address ? showPath(address) : hostAndPort(address.address, address.port)
}

/** The address that a target is, or null where it is a name that must be resolved. */
export function literalAddress(target: Target): SocketAddress | null {
  if ('path' in target) return target
  const { host, port } = target
  return isIPv4(host) || isIPv6(host) ? { address: host, port } : null
}

function showPath({ path }: UnixAddress): string {
  return `${unixPrefix}${path}`
}

function unixTarget(path: string): UnixAddress | null {
  const bytes = Buffer.byteLength(path)
  return bytes > 0 && bytes < unixPathBytesMax && !path.includes('\0') ? { path } : null
}

function internetTarget(text: string, portMin: number): Target | null {
  const [, ipv6, name, digits] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  const host = ipv6 ?? name ?? ''
  const port = Number(digits)
  if (!(port >= portMin && port <= 65_535)) return null
  return (ipv6 === undefined ? isHost(host) : isIPv6(host) && !host.includes('%')) ? { host, port } : null
}

/** An IPv4 address or a name as DNS has them; what looks like an address and is none is no name (RFC 1123, 2.1). */
export function isHost(host: string): boolean {
  if (isIPv4(host)) return true
  const labels = host.replace(/\.$/, '').split('.')
  return (
    host.length <= hostBytesMax && labels.every(part => label.test(part)) && !/^\d+$/.test(labels.at(-1)!)
  )
}
