/** What a transfer needs to know of an HTTP response: its connection, its head, and how long its body may be. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { SluiceError } from '../base/errors.js'
import { closedHere } from './socket-hold.js'

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
  if (res.destroyed || res.writableFinished) return Promise.reject(closedHere())
  return new Promise((resolve, reject) => {
    const onSocket = (assigned: Socket): void => {
      res.off('close', onClose)
      resolve(assigned)
    }
    const onClose = (): void => {
      res.off('socket', onSocket)
      reject(closedHere())
    }
    res.once('socket', onSocket)
    res.once('close', onClose)
  })
}

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

/** Notes that a transfer sent body bytes, of the number that `prepareHead` returned; ends the response when none are left. */
export function accountBody(res: ServerResponse, left: number | null, sent: number): void {
  if (left === null) return
  if (sent === left) res.end()
  else sentBefore.set(res, (sentBefore.get(res) ?? 0) + sent)
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
