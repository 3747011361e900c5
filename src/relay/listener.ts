/** The socket that a proxy listens on: TCP, or a Unix socket with a name. */
import { statSync, unlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { errnoName, SluiceError } from '../base/errors.js'
import type { Native } from '../native/calls.js'
import { unixAddress } from '../native/socket-address.js'
import { openListeners } from '../server/listener.js'
import { type SocketAddress, showTarget, type Target } from './address.js'

const backlog = 4096

export interface ProxyListener {
  /** Does not wait. */
  readonly fd: number
  readonly address: SocketAddress
}

/** @throws ERR_SLUICE_LISTEN */
export async function openProxyListener(native: Native, target: Target): Promise<ProxyListener> {
  if ('path' in target) return openUnixListener(native, target.path)
  const { address, fds } = await openListeners(native, { ...target, count: 1 })
  const fd = fds[0]!
  native.setNonBlocking(fd, 1)
  return { fd, address }
}

function openUnixListener(native: Native, path: string): ProxyListener {
  const { AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC } = native
  const fd = native.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) throw cannotListen(path, fd)
  const address = unixAddress(native, path)
  let bound = native.bindAddress(fd, address)
  if (bound === -constants.errno.EADDRINUSE && isAbandoned(native, path)) {
    unlinkSync(path)
    bound = native.bindAddress(fd, address)
  }
  if (bound >= 0) bound = native.listen(fd, backlog)
  if (bound >= 0) return { fd, address: { path } }
  native.close(fd)
  throw cannotListen(path, bound)
}

/** Takes the name of a Unix socket away, before what listens there is closed. */
export function removeName(address: SocketAddress): void {
  if (!('path' in address)) return
  try {
    unlinkSync(address.path)
  } catch {
    // It is gone, or its folder is not ours to write to any more: who listens there next takes it over.
  }
}

/** Whether it is a socket that nobody listens on any more: one that was killed leaves its name behind. */
function isAbandoned(native: Native, path: string): boolean {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return false
  const { AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC } = native
  const fd = native.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) return false
  const connected = native.connectAddress(fd, unixAddress(native, path))
  native.close(fd)
  return connected === -constants.errno.ECONNREFUSED
}

function cannotListen(path: string, errno: number): SluiceError {
  const name = errnoName(errno)
  return new SluiceError('ERR_SLUICE_LISTEN', `Cannot listen on ${showTarget({ path })}: ${name}`, {
    errno,
    syscall: 'bind',
    remedy: remedies[name] ?? 'Choose another path.',
  })
}

const remedies: Record<string, string> = {
  EACCES: 'Let the process write to the folder, or choose another.',
  EADDRINUSE: 'Choose another path, or stop what listens there; a file that is no socket stays.',
  ENOENT: 'Make the folder, or choose another.',
}
