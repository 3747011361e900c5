/** The ends of a socket: their addresses, addresses as sockets take them, and whether the other one is still there. */
import { constants } from 'node:os'
import type { Native } from '../native/calls.js'
import {
  addressBytesMax,
  internetAddress,
  readInternetAddress,
  unixAddress,
} from '../native/socket-address.js'
import type { SocketAddress } from './address.js'

const filled = new Uint8Array(addressBytesMax)
/** Made once for each upstream, which keeps its address object. */
const made = new WeakMap<SocketAddress, Uint8Array>()

/** Who is at the other end; null where there is no telling. */
export function peerOf(native: Native, fd: number): SocketAddress | null {
  return read(native, native.peerAddress(fd, filled))
}

/** This end; null where there is no telling. */
export function localOf(native: Native, fd: number): SocketAddress | null {
  return read(native, native.localAddress(fd, filled))
}

export function addressFor(native: Native, address: SocketAddress): Uint8Array {
  let bytes = made.get(address)
  if (bytes === undefined) {
    bytes = 'path' in address ? unixAddress(native, address.path) : internetAddress(native, address)
    made.set(address, bytes)
  }
  return bytes
}

export function domainOf(native: Native, address: SocketAddress): number {
  if ('path' in address) return native.AF_UNIX
  return address.address.includes(':') ? native.AF_INET6 : native.AF_INET
}

const looked = new Uint8Array(1)
const { EAGAIN, EINTR } = constants.errno

/** Whether whoever is at the other end has ended or broken off, and nothing is left to be received. */
export function hasLeft(native: Native, fd: number): boolean {
  const length = native.recv(fd, looked, native.MSG_PEEK | native.MSG_DONTWAIT)
  return length === 0 || (length < 0 && length !== -EAGAIN && length !== -EINTR)
}

/** Where a Unix socket has a name, it is ours: clients have none. */
function read(native: Native, length: number): SocketAddress | null {
  if (length < 0) return null
  const internet = readInternetAddress(native, filled)
  if (internet !== null) return internet
  const end = filled.indexOf(0, 2)
  return { path: Buffer.from(filled.subarray(2, Math.max(2, Math.min(end, length)))).toString() }
}
