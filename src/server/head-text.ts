/** The head of a response as the text that is sent (RFC 9112, section 4). */
import { STATUS_CODES } from 'node:http'
import type { HeadLines } from '../http/head.js'

/** What comes before the date, which is always the first line: so that it can be written over. */
export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nDate: `
}

/** `lines`: names and values by turns, which nothing that a client sent can be part of unescaped. */
export function headText(status: number, date: string, lines: HeadLines): string {
  let text = `${statusLine(status)}${date}\r\n`
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`
  return `${text}\r\n`
}
