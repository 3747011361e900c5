/** What the tests of HTTP share: a folder of files, a server, and a client that sends exactly what it is told. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type StaticOptions, serveStatic } from '#sluice/http/index.js'
import { temporaryFolder } from '../support/temporary.js'

export interface Answer {
  status: number
  /** By lower-case name; repeated ones joined with a comma. */
  headers: Record<string, string>
  body: Buffer
}

export interface Question {
  method?: string
  headers?: Record<string, string>
  /** Another version than HTTP/1.1. */
  version?: string
}

/** Writes files below a new temporary folder → the folder. */
export function folderOf(t: TestContext, files: Record<string, string | Uint8Array>): string {
  const folder = temporaryFolder(t)
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), bytes)
  }
  return folder
}

/** Serves a request listener on a free port until the test ends → the port. */
export async function listen(t: TestContext, listener: http.RequestListener): Promise<number> {
  const server = http.createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Serves a folder by serveStatic until the test ends → a function that asks it. */
export async function serve(t: TestContext, root: string, options: StaticOptions = {}) {
  const handler = serveStatic(root, options)
  t.after(() => handler.close())
  const port = await listen(t, handler)
  return Object.assign((target: string, question?: Question) => ask(port, target, question), { port })
}

/** Asks once on a connection of its own; the target goes out as it is. */
export async function ask(port: number, target: string, question: Question = {}): Promise<Answer> {
  const bytes = await sendRaw(
    port,
    requestText(target, { ...question, headers: { Connection: 'close', ...question.headers } }),
  )
  const answers = parseAnswers(bytes, [question.method ?? 'GET'])
  assert.equal(answers.length, 1)
  return answers[0]!
}

export function requestText(
  target: string,
  { method = 'GET', headers = {}, version = '1.1' }: Question = {},
): string {
  const lines = Object.entries({ Host: 'example', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  return `${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n`
}

/** Sends text, one byte a character → all that comes back until the server closes. */
export function sendRaw(port: number, text: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text, 'latin1'))
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('end', () => resolve(Buffer.concat(chunks)))
  })
}

/** Takes responses apart; the methods that were asked with tell which have no body. */
export function parseAnswers(bytes: Buffer, methods: readonly string[]): Answer[] {
  const answers: Answer[] = []
  let position = 0
  for (const method of methods) {
    const end = bytes.indexOf('\r\n\r\n', position)
    if (end === -1) break
    const [statusLine, ...lines] = bytes.toString('latin1', position, end).split('\r\n')
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      const name = line.slice(0, colon).toLowerCase()
      const value = line.slice(colon + 1).trim()
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
    }
    const status = Number(statusLine!.split(' ')[1])
    const hasBody = method !== 'HEAD' && status !== 204 && status !== 304
    const length = hasBody ? Number(headers['content-length'] ?? 0) : 0
    const body = bytes.subarray(end + 4, end + 4 + length)
    assert.equal(body.length, length, 'the body is as long as announced')
    answers.push({ status, headers, body })
    position = end + 4 + length
  }
  assert.equal(position, bytes.length, 'nothing follows the last response')
  return answers
}

/** How many descriptors this process has open; NaN where the system does not tell. */
export function descriptorCount(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return Number.NaN
  }
}

/** Waits until a condition holds; the test runner's own limit is the only one. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(resolve => setTimeout(resolve, 5))
}
