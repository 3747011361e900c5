/** Hot: sending a reply by one of Node's responses. A file is closed on every way out. */
import { ServerResponse } from 'node:http'
import { type Http2ServerResponse, constants as http2 } from 'node:http2'
import { SluiceError } from '../base/errors.js'
import { Job, type TransferOptions } from '../transfer/jobs/job.js'
import type { Exchange, SendFileResult } from './exchange.js'
import { forgetBody, forgetFile, sendHead } from './head.js'
import type { Multipart } from './multipart.js'
import type { Opened } from './opened.js'
import type { Policy } from './policy.js'
import type { ByteRange } from './range.js'
import { type FileBody, isFileBody, type Reply, thrownReply } from './reply.js'

export interface DeliverOptions {
  prefer?: Policy['prefer']
  signal?: AbortSignal | undefined
}

/** Sends the reply. Rejects or throws only where a header that the program set cannot be sent. */
export function deliver(
  exchange: Exchange,
  reply: Reply,
  options: DeliverOptions,
): SendFileResult | Promise<SendFileResult> {
  const { res } = exchange
  const { body, error } = reply
  try {
    if (reply.forgets === 'file') forgetFile(res)
    else if (reply.forgets === 'body') forgetBody(res)
    sendHead(res, reply.status, reply.lines)
  } catch (thrown) {
    if (isFileBody(body)) body.file.close()
    throw thrown
  }
  if (isFileBody(body)) return sendFile(exchange, body, options)
  if (body === null || exchange.isHead) {
    res.end()
    return exchange.result({ error })
  }
  res.end(body)
  return exchange.result({ bytes: body.length, error })
}

/** Answers what the program's own functions threw: 500, or where the head is out the end of the connection. */
export function deliverThrown(exchange: Exchange, thrown: unknown): SendFileResult {
  const reply = thrownReply(thrown)
  if (!exchange.res.headersSent) {
    try {
      // Text is never sent in the background.
      return deliver(exchange, reply, {}) as SendFileResult
    } catch {
      // A header that cannot be sent was set before: there is no answer that Node would send.
    }
  }
  breakOff(exchange.res)
  return exchange.result({ error: reply.error })
}

/** Why a request was not answered whose connection closed while it waited for its turn. */
export function peerGone(): SluiceError {
  return new SluiceError('ERR_SLUICE_PEER_CLOSED', 'The connection closed before the request was answered')
}

function sendFile(
  exchange: Exchange,
  { file, ranges, multipart }: FileBody,
  { prefer, signal }: DeliverOptions,
): SendFileResult | Promise<SendFileResult> {
  const { res } = exchange
  // Middleware that replaced write() wants the bytes to pass through it, say to compress them.
  const path = res.write === ServerResponse.prototype.write ? prefer : 'copy'
  const options: TransferOptions = { prefer: path, signal }
  if (multipart !== null) return sendParts(exchange, file, ranges, multipart, options)
  const { start, end } = ranges[0]!
  const length = end - start + 1
  const sent = new Job({ fd: file.fd, start, length, file, announced: length }, res, options).run()
  if (sent instanceof Promise) {
    return sent.then(
      result => finish(exchange, file, result),
      error => fail(exchange, file, error, 0),
    )
  }
  return finish(exchange, file, sent)
}

async function sendParts(
  exchange: Exchange,
  file: Opened,
  ranges: readonly ByteRange[],
  { heads, trailer, contentLength }: Multipart,
  options: TransferOptions,
): Promise<SendFileResult> {
  const { res } = exchange
  const sent = { bytes: 0, path: null as SendFileResult['path'], copied: 0 }
  try {
    for (let index = 0; index < ranges.length; index++) {
      const { start, end } = ranges[index]!
      const range = { fd: file.fd, start, length: end - start + 1, file, announced: contentLength }
      res.write(heads[index]!, 'latin1')
      const result = await new Job(range, res, options).run()
      sent.bytes += result.bytes
      sent.copied += result.copied
      sent.path = result.path
    }
    res.write(trailer, 'latin1')
    return finish(exchange, file, sent)
  } catch (error) {
    return fail(exchange, file, error, sent.bytes)
  }
}

function finish(
  exchange: Exchange,
  file: Opened,
  { bytes, path, copied }: Pick<SendFileResult, 'bytes' | 'path' | 'copied'>,
): SendFileResult {
  file.close()
  if (!exchange.res.writableEnded) exchange.res.end()
  return exchange.result({ bytes, path, copied })
}

/** Breaks the response off: its head is out, and the body is not complete. */
function fail(exchange: Exchange, file: Opened, thrown: unknown, sentBefore: number): SendFileResult {
  file.close()
  breakOff(exchange.res)
  const sentBytes = thrown instanceof SluiceError ? (thrown.bytes ?? 0) : 0
  return exchange.result({ bytes: sentBefore + sentBytes, error: thrown as Error })
}

/** Breaks off a response whose head is out: the peer must see that it is not complete. */
function breakOff(res: ServerResponse): void {
  const { stream } = res as unknown as Partial<Http2ServerResponse>
  if (stream !== undefined) stream.close(http2.NGHTTP2_INTERNAL_ERROR)
  else res.destroy()
}
