/** Sockets that listen: one for each thread on the same port, among which the kernel deals out connections. */
import { lookup } from 'node:dns/promises'
import { errnoName, SluiceError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import {
  addressBytesMax,
  hostAndPort,
  type InternetAddress,
  internetAddress,
  readInternetAddress,
} from '../native/socket-address.js'

const backlog = 4096

export interface Listeners {
  readonly address: InternetAddress
  /** One for each thread. Whoever takes them over closes them. */
  readonly fds: readonly number[]
}

/** @throws ERR_SLUICE_LISTEN where the name has no address, or something listens there already */
export async function openListeners(
  native: Native,
  { host, port, count }: { host: string; port: number; count: number },
): Promise<Listeners> {
  const { address } = await lookup(host).catch(cause => {
    throw new SluiceError('ERR_SLUICE_LISTEN', `Cannot listen on ${host}: ${cause.code}`, { cause })
  })
  const fds: number[] = []
  try {
    let bound: InternetAddress = { address, port }
    for (let index = 0; index < count; index++) {
      fds.push(openListener(native, bound, count > 1))
      // Port 0 lets the kernel choose once; the others go where the first is.
      if (index === 0) bound = boundTo(native, fds[0]!)
    }
    return { address: bound, fds }
  } catch (error) {
    for (const fd of fds) native.close(fd)
    throw error
  }
}

function openListener(native: Native, wanted: InternetAddress, shared: boolean): number {
  const address = internetAddress(native, wanted)
  const domain = wanted.address.includes(':') ? native.AF_INET6 : native.AF_INET
  const fd = native.socket(domain, native.SOCK_STREAM | native.SOCK_CLOEXEC, 0)
  if (fd < 0) throw cannotListen(wanted, fd)
  const results = [
    native.setsockoptInt(fd, native.SOL_SOCKET, native.SO_REUSEADDR, 1),
    shared ? native.setsockoptInt(fd, native.SOL_SOCKET, native.SO_REUSEPORT, 1) : 0,
    // Connections inherit it: an answer's end is not held back until its beginning is acknowledged (tcp(7)).
    native.setsockoptInt(fd, native.IPPROTO_TCP, native.TCP_NODELAY, 1),
    native.bindAddress(fd, address),
  ]
  const failed = results.find(result => result < 0) ?? native.listen(fd, backlog)
  if (failed >= 0) return fd
  native.close(fd)
  throw cannotListen(wanted, failed)
}

function boundTo(native: Native, fd: number): InternetAddress {
  const bytes = new Uint8Array(addressBytesMax)
  const length = native.localAddress(fd, bytes)
  const address = length < 0 ? null : readInternetAddress(native, bytes)
  if (address === null) throw new Error('a listening socket has an address')
  return address
}

function cannotListen({ address, port }: InternetAddress, errno: number): SluiceError {
  const name = errnoName(errno)
  const remedy = remedies[name]
  return new SluiceError('ERR_SLUICE_LISTEN', `Cannot listen on ${hostAndPort(address, port)}: ${name}`, {
    errno,
    syscall: 'bind',
    ...(remedy !== undefined && { remedy }),
  })
}

/** Where it is not that something else listens there. */
const remedies: Record<string, string> = {
  EACCES: 'Choose a port from 1024 on (--listen, or --port), or give the process CAP_NET_BIND_SERVICE.',
  EADDRNOTAVAIL: 'Choose an address that this machine has (--listen, or --host).',
}
