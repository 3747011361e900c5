/** Hot: sending a response's head. */
import { ServerResponse } from 'node:http'

/** Names and values by turns. */
export type HeadLines = string[]

/** What a program may have set for the file, and what is wrong when something else is sent instead. */
const describesFile = [
  'Accept-Ranges',
  'Cache-Control',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Language',
  'Content-Length',
  'Content-Range',
  'Content-Type',
  'ETag',
  'Expires',
  'Last-Modified',
]

/** Hands the head to Node. Headers that the program set before stay, unless `lines` has them too; Vary is added to. */
export function sendHead(res: ServerResponse, status: number, lines: HeadLines): void {
  // The short way leaves nothing for getHeader(), so it is not for responses that middleware has a hand in.
  if (res.writeHead === ServerResponse.prototype.writeHead && res.getHeaderNames().length === 0) {
    res.writeHead(status, lines)
    return
  }
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!
    if (name === 'Vary') addToVary(res, lines[i + 1]!)
    else res.setHeader(name, lines[i + 1]!)
  }
  res.writeHead(status)
}

/** Takes back what the program set to describe the file, for answers that are not the file. */
export function forgetFile(res: ServerResponse): void {
  if (res.getHeaderNames().length === 0) return
  for (const name of describesFile) res.removeHeader(name)
}

/** For 304: takes back what describes the body that is not sent; what steers caches stays. */
export function forgetBody(res: ServerResponse): void {
  if (res.getHeaderNames().length === 0) return
  for (const name of describesFile) if (name.startsWith('Content-')) res.removeHeader(name)
}

/** A header that the program set, as text; undefined where it did not. */
export function presetHeader(res: ServerResponse, name: string): string | undefined {
  const value = res.getHeader(name)
  return value === undefined ? undefined : String(value)
}

function addToVary(res: ServerResponse, field: string): void {
  const before = presetHeader(res, 'Vary')
  const fields = before === undefined ? [] : before.split(',').map(name => name.trim().toLowerCase())
  if (fields.includes('*') || fields.includes(field.toLowerCase())) return
  res.setHeader('Vary', before === undefined ? field : `${before}, ${field}`)
}
