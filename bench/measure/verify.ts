/** Fetches a file once and compares it with what it must be, so that nobody is measured for wrong answers. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { BenchError } from '../fail.js'

export interface Expected {
  bytes: number
  /** Hexadecimal. */
  sha256: string
}

/** Throws a BenchError that says which of status, Content-Length and contents is wrong. */
export async function verifyAnswer(
  port: number,
  path: string,
  expected: Expected,
  signal: AbortSignal,
): Promise<void> {
  const request = get({ port, path, host: '127.0.0.1', agent: false, signal })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const hash = createHash('sha256')
  for await (const chunk of response) hash.update(chunk)
  if (response.statusCode !== 200) throw new BenchError(`GET ${path}: status ${response.statusCode}, not 200`)
  const length = response.headers['content-length']
  if (length !== String(expected.bytes)) {
    throw new BenchError(`GET ${path}: Content-Length ${length ?? 'missing'}, not ${expected.bytes}`)
  }
  if (hash.digest('hex') !== expected.sha256) throw new BenchError(`GET ${path}: other bytes than the file's`)
}
