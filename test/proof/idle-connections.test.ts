/** What an idle keep-alive connection costs beyond what node:http itself keeps for it. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../support/temporary.js'

const connections = 10_000
const batch = 200
/** Descriptors that a process needs besides the connections. */
const spareDescriptors = 200
const skip =
  descriptorsMax() < connections + spareDescriptors && `needs ${connections} descriptors (ulimit -n)`

test('10,000 idle keep-alive connections cost at most 20 KiB each beyond node:http', {
  skip,
  timeout: 300_000,
}, async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'page.txt'), 'x'.repeat(1024))
  const plain = await costOf('plain', folder)
  const sluice = await costOf('sluice', folder)
  t.diagnostic(`KiB a connection: node:http ${plain.toFixed(1)}, serveStatic ${sluice.toFixed(1)}`)
  assert.ok(sluice - plain <= 20)
})

/** Resident KiB that one idle connection costs the server, each after one request. */
async function costOf(kind: string, folder: string): Promise<number> {
  const program = fileURLToPath(new URL('./children/idle-server.js', import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', program, kind, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const sockets: Socket[] = []
  try {
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]()
    const port = numberIn((await lines.next()).value)
    // The first requests load and compile what all later ones use.
    await open(port, batch, sockets)
    const before = await resident(child, lines)
    for (let count = 0; count < connections; count += batch) await open(port, batch, sockets)
    const after = await resident(child, lines)
    return (after - before) / connections
  } finally {
    for (const socket of sockets) socket.destroy()
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

async function open(port: number, count: number, sockets: Socket[]): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      socket.write('GET /page.txt HTTP/1.1\r\nHost: test\r\n\r\n')
      let received = ''
      while (!received.endsWith('x'.repeat(1024))) received += String((await once(socket, 'data'))[0])
    }),
  )
}

async function resident(child: ChildProcess, lines: AsyncIterator<string>): Promise<number> {
  child.stdin!.write('tell\n')
  return numberIn((await lines.next()).value)
}

function numberIn(line: string): number {
  return Number(/\d+/.exec(line)![0])
}

function descriptorsMax(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0)
}
