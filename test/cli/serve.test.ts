import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { ringMissing } from '../http/servers.js'
import { needsAddon } from '../support/addon.js'
import { serve, sluice } from '../support/command.js'
import { pause } from '../support/eventually.js'
import { underSeccomp } from '../support/seccomp.js'
import { temporaryFolder } from '../support/temporary.js'

const skipUnlessRoot = { skip: process.getuid?.() !== 0 && 'only the superuser can become another user' }

test('prints one line when it listens, and nothing for a request unless --log asks', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'a.txt'), 'hello')
  const server = await serve([folder])
  assert.equal(await (await fetch(`${server.origin}/a.txt`)).text(), 'hello')
  const { code, stdout, stderr } = await server.stop()
  assert.match(stdout, /^listening on \S+ \((ring|poll|node), 1 thread\)\n$/)
  // Where it is not the ring, the reason is told.
  assert.match(stderr, stdout.includes('ring') ? /^$/ : /^sluice: serving by (poll|node): .*\n$/)
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
  assert.match(
    stdout,
    /^127\.0\.0\.1 .*"GET \/a\.txt\?q=%1b HTTP\/1\.1" 200 5 (memory|sendfile|copy) \S+ms$/m,
  )
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

for (const engine of ['ring', 'poll']) {
  test(`--engine ${engine} serves on so many threads as --threads says`, { skip: skip(engine) }, async t => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'a.txt'), 'hello')
    const server = await serve([folder, '--engine', engine, '--threads', '2', '--log'])
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const response = await fetch(`${server.origin}/a.txt`, { headers: { Connection: 'close' } })
        assert.equal(await response.text(), 'hello')
      }),
    )
    const { code, stdout, stderr } = await server.stop()
    assert.equal(stdout.split('\n')[0], `listening on ${server.origin} (${engine}, 2 threads)`)
    assert.equal(stdout.match(/ "GET \/a\.txt HTTP\/1\.1" 200 5 (memory|sendfile) \d+ms$/gm)?.length, 50)
    assert.deepEqual([code, stderr], [0, ''])
  })
}

test(
  'where io_uring is refused, auto serves by epoll and says why; ring does not serve',
  needsAddon,
  async t => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'a.txt'), 'hello')
    const launcher = underSeccomp(t, { action: 'EPERM', calls: ['io_uring_setup'] })
    const server = await serve([folder], { launcher })
    assert.equal(await (await fetch(`${server.origin}/a.txt`)).text(), 'hello')
    const { stdout, stderr } = await server.stop()
    assert.match(stdout, /\(poll, 1 thread\)$/m)
    assert.match(stderr, /^sluice: serving by poll: .*EPERM.*seccomp.*\n$/)
    const refused = await sluice(['serve', folder, '--engine', 'ring'], { launcher }).finished()
    assert.match(refused.stderr, /^sluice: .*EPERM.*seccomp.*\n$/)
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
  },
)

test(
  'where sendfile is refused, auto serves on node:http and says why; ring and poll do not',
  needsAddon,
  async t => {
    const folder = temporaryFolder(t)
    const bytes = Buffer.alloc(300_000, 'hello ')
    writeFileSync(join(folder, 'a.txt'), bytes)
    for (const calls of [
      ['sendfile'],
      ['sendfile', 'splice', 'tee', 'vmsplice', 'io_uring_setup', 'openat2'],
    ]) {
      const launcher = underSeccomp(t, { action: 'EPERM', calls })
      const server = await serve([folder], { launcher })
      const response = await fetch(`${server.origin}/a.txt`)
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
      const { stdout, stderr } = await server.stop()
      assert.match(stdout, /\(node, 1 thread\)$/m)
      assert.match(stderr, /^sluice: serving by node: .*sendfile is refused here \(EPERM\).*\n$/)
      for (const engine of ['ring', 'poll']) {
        const refused = await sluice(['serve', folder, '--engine', engine], { launcher }).finished()
        assert.match(refused.stderr, /^sluice: .*sendfile is refused here \(EPERM\).*node:http.*\n$/)
        assert.deepEqual([refused.code, refused.stdout], [1, ''])
      }
    }
  },
)

test('without the addon auto serves on node:http and says why; ring and poll do not serve', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'a.txt'), 'hello')
  const env = { SLUICE_ADDON: 'off' }
  const server = await serve([folder], { env })
  assert.equal(await (await fetch(`${server.origin}/a.txt`)).text(), 'hello')
  const { stdout, stderr } = await server.stop()
  assert.match(stdout, /\(node, 1 thread\)$/m)
  assert.match(stderr, /^sluice: serving by node: SLUICE_ADDON=off.*\n$/)
  for (const engine of ['ring', 'poll']) {
    const refused = await sluice(['serve', folder, '--engine', engine], { env }).finished()
    assert.match(refused.stderr, /^sluice: .*SLUICE_ADDON=off.*npm run build.*\n$/)
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
  }
})

for (const engine of ['auto', 'node']) {
  test(`--metrics tells what was counted, for Prometheus (--engine ${engine})`, async t => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'a.txt'), 'hello')
    const metrics = `127.0.0.1:${await freePort()}`
    const server = await serve([folder, '--metrics', metrics, '--engine', engine])
    t.after(() => server.stop())
    for (const name of ['a.txt', 'a.txt', 'none']) await (await fetch(`${server.origin}/${name}`)).text()
    const response = await fetch(`http://${metrics}/metrics`)
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    const text = await response.text()
    assert.match(
      text,
      /^# HELP sluice_requests_total .+\n# TYPE sluice_requests_total counter\nsluice_requests_total 3$/m,
    )
    assert.match(text, /^sluice_answers_total\{status="2xx"\} 2$/m)
    assert.match(text, /^sluice_answers_total\{status="4xx"\} 1$/m)
    assert.equal((await fetch(`http://${metrics}/`)).status, 404)
    assert.equal((await fetch(`http://${metrics}/metrics`, { method: 'POST' })).status, 405)
  })
}

test('the second signal ends at once', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'large.bin'), Buffer.alloc(64 * MiB, 'x'))
  const server = await serve([folder, '--grace', '1000'])
  const client = await request(server.port, '/large.bin')
  await once(client, 'readable')
  server.process.kill('SIGTERM')
  // Once nobody is accepted any more, the first signal was understood.
  while (await isAccepting(server.port)) await pause(10)
  const { code } = await server.stop('SIGTERM')
  assert.equal(code, 143)
  client.destroy()
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
    [[folder, '--threads', '0'], /^sluice: --threads must be a whole number, 1 to 1024, not "0"/],
    [[folder, '--threads', '2', '--engine', 'node'], /^sluice: --threads 2 needs --engine ring or poll/],
    [[folder, '--metrics', 'everywhere'], /^sluice: --metrics must be host:port.*"everywhere"/],
    [[folder, '--metrics', '127.0.0.1:70000'], /^sluice: --metrics must be host:port/],
    [[folder, '--port', '0', '--metrics', `127.0.0.1:${port}`], /^sluice: .*--metrics on 127.*EADDRINUSE/],
    [
      [folder, '--port', '0', '--host', 'no.such.host.invalid'],
      /^sluice: Cannot listen on no\.such\.host\.invalid/,
    ],
    [[join(folder), '--frobnicate'], /unknown option '--frobnicate'/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr, stdout } = await sluice(['serve', ...args]).finished()
    assert.notEqual(code, 0)
    assert.match(stderr, message)
    assert.equal(stdout, '')
  }
})

test(
  'a folder that may not be read and a port that may not be used are one line as well',
  skipUnlessRoot,
  async t => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'closed'), { mode: 0o700 })
    // An ordinary user, who could otherwise read everything and listen on every port.
    const launcher = [
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      '--bounding-set=-all',
      '--inh-caps=-all',
    ]
    const cases: [string[], RegExp][] = [
      [[join(folder, 'closed'), '--port', '0'], /^sluice: .*closed.*EACCES.*\n$/],
      ...(forbiddenPort()
        ? ([[[folder, '--port', '80'], /^sluice: .*127\.0\.0\.1:80.*EACCES.*--port.*\n$/]] as [
            string[],
            RegExp,
          ][])
        : []),
    ]
    for (const engine of ['auto', 'node']) {
      for (const [args, message] of cases) {
        const { code, stderr, stdout } = await sluice(['serve', ...args, '--engine', engine], {
          launcher,
        }).finished()
        assert.match(stderr, message)
        assert.deepEqual([code, stdout], [1, ''])
      }
    }
  },
)

/** Whether the kernel keeps port 80 from ordinary users. */
function forbiddenPort(): boolean {
  return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')) > 80
}

function skip(engine: string): string | false {
  return engine === 'ring' ? ringMissing() : needsAddon.skip
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function isAccepting(port: number): Promise<boolean> {
  const probe = connect(port, '127.0.0.1')
  const accepted = await Promise.race([
    once(probe, 'connect').then(() => true),
    once(probe, 'error').then(() => false),
  ]).catch(() => false)
  probe.destroy()
  return accepted
}

/** Sends a request and reads nothing yet. */
async function request(port: number, path: string): Promise<Socket> {
  const client = connect(port, '127.0.0.1')
  client.pause()
  await once(client, 'connect')
  client.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`)
  return client
}
