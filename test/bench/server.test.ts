import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { chooseCores } from '../../bench/measure/cores.js'
import { startServer } from '../../bench/measure/server.js'
import { verifyAnswer } from '../../bench/measure/verify.js'
import { freePort } from '../../bench/peers/peer.js'

const core = chooseCores().server
const never = new AbortController().signal

/** A server written in a line, which may say that it listens, and stays. */
function program(source: string): readonly [string, ...string[]] {
  return [process.execPath, '-e', source]
}

const announces = `console.log('listening on http://127.0.0.1:1234')`
const stays = 'setInterval(() => {}, 1000)'

/** Whether a process runs; one that has ended may wait a little for its parent to notice. */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('a server is started when it says where it listens', async () => {
  const server = await startServer(
    { argv: program(`console.log('hello'); ${announces}; ${stays}`) },
    core,
    never,
  )
  assert.equal(server.port, 1234)
  assert.ok(isAlive(server.pid))
  await server[Symbol.asyncDispose]()
  assert.ok(!isAlive(server.pid))
})

test('a server that was told where to listen is started when it accepts', async () => {
  const port = await freePort()
  const listens = `require('node:net').createServer().listen(${port}, '127.0.0.1')`
  await using server = await startServer({ argv: program(listens), port }, core, never)
  assert.equal(server.port, port)
})

test('the children of a server end with it', async () => {
  const parent = `const child = require('node:child_process').spawn('sleep', ['600'])
    console.log('listening on http://127.0.0.1:' + child.pid)`
  const server = await startServer({ argv: program(parent) }, core, never)
  const child = server.port
  assert.ok(isAlive(child))
  await server[Symbol.asyncDispose]()
  // It was killed; nobody can wait for the child of another process but by looking.
  while (isAlive(child)) await sleep(5)
})

test('a server that does not start is told by the error that it printed', async () => {
  const fails = startServer({ argv: program(`throw new Error('no luck today')`) }, core, never)
  await assert.rejects(fails, { name: 'BenchError', message: /did not start: Error: no luck today$/ })
})

test('a server that cannot be run at all is told', async () => {
  const fails = startServer({ argv: ['/nowhere/server'] }, core, never)
  await assert.rejects(fails, { name: 'BenchError', message: /\/nowhere\/server/ })
})

test('an interrupt ends a server that is still starting', async () => {
  const interrupt = new AbortController()
  const starting = startServer({ argv: program(stays) }, core, interrupt.signal)
  interrupt.abort(new Error('enough'))
  await assert.rejects(starting, { message: 'enough' })
})

test('an answer is compared by status, length and contents', async () => {
  const abc = { bytes: 3, sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' }
  const server = createServer((req, res) => {
    if (req.url === '/none') res.writeHead(404).end()
    else if (req.url === '/chunked') res.write('abc', () => res.end())
    else res.writeHead(200, { 'Content-Length': 3 }).end(req.url === '/right' ? 'abc' : 'abd')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await verifyAnswer(port, '/right', abc, never)
  await assert.rejects(verifyAnswer(port, '/none', abc, never), /status 404/)
  await assert.rejects(verifyAnswer(port, '/chunked', abc, never), /Content-Length missing/)
  await assert.rejects(verifyAnswer(port, '/wrong', abc, never), /other bytes/)
  server.close()
})
