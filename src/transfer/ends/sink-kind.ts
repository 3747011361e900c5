/** What a sink's descriptor truly is: a program calls a socket what may be a pipe, and the other way round. */
import { constants as fsConstants } from 'node:fs'
import type { Socket } from 'node:net'
import type { Native } from '../../native/calls.js'
import { handleOf } from './held-socket.js'

/** `other` are files, terminals and devices. */
export type SinkKind = 'tcp' | 'unix' | 'pipe' | 'other'

const { S_IFMT, S_IFIFO, S_IFSOCK } = fsConstants
const stat = new Float64Array(8)
/** Of handles that are not TCP's, for which the kernel is asked: a server on a Unix socket plans with every response. */
const known = new WeakMap<object, SinkKind>()

export function kindOfDescriptor(native: Native, fd: number): SinkKind {
  if (native.fstat(fd, stat) < 0) return 'other'
  const type = stat[0]! & S_IFMT
  if (type === S_IFIFO) return 'pipe'
  if (type !== S_IFSOCK) return 'other'
  const domain = native.getsockoptInt(fd, native.SOL_SOCKET, native.SO_DOMAIN)
  return domain === native.AF_INET || domain === native.AF_INET6 ? 'tcp' : 'unix'
}

/** A socket that is not connected yet counts as TCP's. */
export function kindOfSocket(native: Native, socket: Socket): SinkKind {
  const handle = handleOf(socket)
  if (handle === null || isTcp(handle)) return 'tcp'
  const before = known.get(handle)
  if (before !== undefined) return before
  const kind = kindOfDescriptor(native, handle.fd ?? -1)
  known.set(handle, kind)
  return kind
}

/** The class of TCP's handles: out of reach, and known by its name when one is first seen. */
let tcpClass: unknown = null

function isTcp(handle: object): boolean {
  const itsClass = handle.constructor
  if (itsClass === tcpClass) return true
  if (itsClass.name !== 'TCP') return false
  tcpClass = itsClass
  return true
}
