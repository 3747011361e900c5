/** The line that --log prints for a finished request: the common log format, then path and duration. */
import type { SendFileResult } from '../http/exchange.js'
import type { Request } from '../http/message.js'

export function logLine(result: SendFileResult, req: Request): string {
  const peer = req.socket?.remoteAddress ?? '-'
  const request = `${req.method} ${req.url} HTTP/${req.httpVersion}`
  const { status, bytes, path, ms, error } = result
  const end = error === null ? '' : ` ${printable(error.message)}`
  return `${peer} - - [${timestamp(new Date())}] "${printable(request)}" ${status} ${bytes} ${path ?? '-'} ${ms.toFixed(1)}ms${end}\n`
}

/** What a client sent must not move the cursor, begin a line or end the quotes. */
function printable(text: string): string {
  return text.replace(
    /[^\x20-\x7e]|["\\]/g,
    character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** As in 20/Nov/2026:11:36:00 +0000. */
function timestamp(now: Date): string {
  const [day, time] = now.toISOString().split('T') as [string, string]
  const [year, month, date] = day.split('-') as [string, string, string]
  return `${date}/${months[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`
}
