/** What a transfer needs to know of an HTTP response: its connection, its head, and how long its body may be. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { SluiceError } from '../../base/errors.js'
import { Audience } from './audience.js'
import { closedError } from './closed.js'

/** The parts of Node's response that have no public name: the head's text, and whether it was sent. */
interface ResponseInternals {
  readonly _header?: string | null
  _headerSent?: boolean
}

/** By response: body bytes that earlier transfers sent. Most responses have one transfer and no entry. */
const sentBefore = new WeakMap<ServerResponse, number>()

/** Whether a body follows the head at all: not to HEAD, and not with 204 and 304 (RFC 9110, section 6.4.1). */
export function hasBody(res: ServerResponse): boolean {
  return res.req?.method !== 'HEAD' && res.statusCode !== 204 && res.statusCode !== 304
}

/** The response's connection: at once, or when the responses before it on the same connection are through. */
export function connectionOf(res: ServerResponse): Socket | Promise<Socket> {
  const socket = res.socket
  if (socket !== null && socket !== undefined) return socket
  // A response that waits for its turn is not told when the connection closes; the request knows the connection.
  const coming: Socket | undefined = res.req?.socket
  if (res.destroyed || res.writableFinished || coming?.destroyed) return Promise.reject(closedError(res))
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      res.off('socket', onSocket)
      res.off('close', onClose)
      if (coming !== undefined) closings.leave(coming, onClose)
    }
    const onSocket = (assigned: Socket): void => {
      settle()
      resolve(assigned)
    }
    const onClose = (): void => {
      settle()
      reject(closedError(res))
    }
    res.on('socket', onSocket)
    res.on('close', onClose)
    if (coming !== undefined) closings.join(coming, onClose)
  })
}

const closings = new Audience<Socket>(
  (connection, listener) => connection.on('close', listener),
  (connection, listener) => connection.off('close', listener),
)

/**
 * Makes the head, announcing `length` where nothing was announced → the body bytes that the head leaves for
 * this transfer and later ones, or null where it does not say (chunked, or HTTP/1.0 until the end).
 *
 * `known` is what the head announces, where the caller has made it.
 *
 * @throws ERR_SLUICE_CONTENT_LENGTH where the head announces fewer than `length`
 */
export function prepareHead(res: ServerResponse, length: number | null, known?: number): number | null {
  if (
    !res.headersSent &&
    length !== null &&
    res.statusCode !== 204 &&
    !res.hasHeader('content-length') &&
    !res.hasHeader('transfer-encoding')
  ) {
    res.setHeader('Content-Length', length)
  }
  if (!res.headersSent) res.writeHead(res.statusCode)
  const announced = known ?? contentLength(res)
  if (announced === null) return null
  const left = announced - (sentBefore.get(res) ?? 0)
  if (length !== null && length > left) {
    const what = `The response announces ${announced} bytes, ${left} are left, and ${length} were to be sent`
    throw new SluiceError('ERR_SLUICE_CONTENT_LENGTH', what)
  }
  return left
}

/**
 * The head, to be sent together with the first bytes of the body instead of by Node; null where Node does not give
 * access to it, or has sent it. Taking it tells Node that it was sent; a head that is not taken is still Node's.
 */
export function headOf(res: ServerResponse): { take(): string | null } | null {
  const internals = res as unknown as ResponseInternals
  const isWaiting = (): boolean => internals._headerSent === false && typeof internals._header === 'string'
  if (!isWaiting()) return null
  return {
    take() {
      if (!isWaiting()) return null
      internals._headerSent = true
      return internals._header!
    },
  }
}

/** Notes body bytes that a transfer sent without completing the body: later ones may send as many fewer. */
export function noteBody(res: ServerResponse, sentBytes: number): void {
  sentBefore.set(res, (sentBefore.get(res) ?? 0) + sentBytes)
}

function contentLength(res: ServerResponse): number | null {
  const header = res.getHeader('content-length')
  if (header !== undefined) return toLength(String(header))
  // writeHead with a list of headers keeps none of them; the head itself has them.
  const head = (res as unknown as ResponseInternals)._header
  const match = typeof head === 'string' ? /\r\ncontent-length: *(\d+)\r\n/i.exec(head) : null
  return match === null ? null : toLength(match[1]!)
}

function toLength(text: string): number | null {
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= 0 ? value : null
}
