import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { serve, sluice } from '../support/command.js'
import { temporaryFolder } from '../support/temporary.js'

test('prints one line when it listens, and nothing for a request unless --log asks', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'a.txt'), 'hello')
  const server = await serve([folder])
  assert.equal(await (await fetch(`${server.origin}/a.txt`)).text(), 'hello')
  const { code, stdout, stderr } = await server.stop()
  assert.equal(stdout, `listening on ${server.origin}\n`)
  assert.equal(stderr, '')
  assert.equal(code, 0)
})

test('--log prints a line for every finished request, with what the client sent made harmless', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'a.txt'), 'hello')
  const server = await serve([folder, '--log'])
  await (await fetch(`${server.origin}/a.txt?q=%1b`)).text()
  await (await fetch(`${server.origin}/none`)).text()
  await server.line(/"GET \/none HTTP\/1\.1" 404/)
  const { stdout } = await server.stop()
  assert.match(stdout, /^127\.0\.0\.1 .*"GET \/a\.txt\?q=%1b HTTP\/1\.1" 200 5 (sendfile|copy) /m)
})

test('--listing and --spa do what they say', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'index.html'), '<title>app</title>')
  mkdirSync(join(folder, 'sub'))
  writeFileSync(join(folder, 'sub', '<b>.txt'), '')
  const server = await serve([folder, '--listing', '--spa'])
  t.after(() => server.stop())
  const listing = await fetch(`${server.origin}/sub/`)
  assert.equal(listing.status, 200)
  assert.match(await listing.text(), /&lt;b&gt;\.txt/)
  const route = await fetch(`${server.origin}/some/route`, { headers: { Accept: 'text/html' } })
  assert.equal(await route.text(), '<title>app</title>')
})

test('--engine copy serves the same bytes by copying', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'a.bin'), Buffer.alloc(3 * MiB, 'x'))
  const server = await serve([folder, '--engine', 'copy', '--log'])
  const bytes = Buffer.from(await (await fetch(`${server.origin}/a.bin`)).arrayBuffer())
  assert.ok(bytes.equals(Buffer.alloc(3 * MiB, 'x')))
  await server.line(/ 200 3145728 copy /)
  await server.stop()
})

test('SIGTERM finishes what is in flight, within --grace', async t => {
  const folder = temporaryFolder(t)
  const bytes = 64 * MiB
  writeFileSync(join(folder, 'large.bin'), Buffer.alloc(bytes, 'x'))
  const server = await serve([folder, '--grace', '30'])
  const client = await request(server.port, '/large.bin')
  let received = 0
  client.on('data', chunk => {
    received += chunk.length
  })
  client.resume()
  await once(client, 'data')
  const finished = server.stop('SIGTERM')
  await once(client, 'end')
  assert.ok(received > bytes)
  assert.equal((await finished).code, 0)
})

test('SIGINT ends a stuck download when --grace is over, and says so', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'large.bin'), Buffer.alloc(64 * MiB, 'x'))
  const server = await serve([folder, '--grace', '0.2'])
  const client = await request(server.port, '/large.bin')
  await once(client, 'readable')
  const { code, stderr } = await server.stop('SIGINT')
  assert.match(stderr, /cut off 1 connection/)
  assert.equal(code, 1)
  client.destroy()
})

test('a taken port, a missing folder and wrong options are one line and a status', async t => {
  const folder = temporaryFolder(t)
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const port = String((taken.address() as { port: number }).port)
  const cases: [string[], RegExp][] = [
    [[folder, '--port', port], /^sluice: .*127\.0\.0\.1:\d+.*EADDRINUSE.*--port/],
    [[join(folder, 'none')], /^sluice: .*none.*ENOENT/],
    [[join(folder), '--port', '70000'], /^sluice: --port must be a whole number, 0 to 65535, not "70000"/],
    [[join(folder), '--engine', 'warp'], /--engine/],
    [[join(folder), '--frobnicate'], /unknown option '--frobnicate'/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr, stdout } = await sluice(['serve', ...args]).finished()
    assert.notEqual(code, 0)
    assert.match(stderr, message)
    assert.equal(stdout, '')
  }
})

/** Sends a request and reads nothing yet. */
async function request(port: number, path: string): Promise<Socket> {
  const client = connect(port, '127.0.0.1')
  client.pause()
  await once(client, 'connect')
  client.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`)
  return client
}
