/** `sluice proxy` as its users run it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { deadAddress, echo, readAll, saying, upstream } from '../relay/support.js'
import { type Running, sluice } from '../support/command.js'
import { eventually } from '../support/eventually.js'
import { temporaryFolder } from '../support/temporary.js'

interface RunningProxy extends Running {
  readonly port: number
}

async function proxy(t: TestContext, args: readonly string[]): Promise<RunningProxy> {
  const running = sluice(['proxy', ...args])
  t.after(() => running.process.kill('SIGKILL'))
  const match = await running.line(/^listening on 127\.0\.0\.1:(\d+)$/m)
  return { ...running, port: Number(match[1]) }
}

async function dial(t: TestContext, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function hear(t: TestContext, port: number): Promise<string> {
  const socket = await dial(t, port)
  const heard = String(await readAll(socket))
  socket.destroy()
  return heard
}

const listen = ['--listen', '127.0.0.1:0']

test('passes connections on, with a line for each where --log asks, and metrics where --metrics does', async t => {
  const to = `${await upstream(t, saying('a'))},${await upstream(t, saying('b'))}`
  const running = await proxy(t, [...listen, '--to', to, '--log', '--metrics', '127.0.0.1:0'])
  const [, origin] = await running.line(/^metrics at (http:\/\/127\.0\.0\.1:\d+)\/metrics$/m)
  assert.deepEqual([await hear(t, running.port), await hear(t, running.port)].sort(), ['a', 'b'])
  const [, client] = await running.line(/^time=\S+ client=(\S+) upstream=127\.0\.0\.1:\d+ .* end=ended$/m)
  assert.match(client!, /^127\.0\.0\.1:\d+$/)
  const metrics = await (await fetch(`${origin}/metrics`)).text()
  assert.match(metrics, /^sluice_proxy_connections_total 2$/m)
  const { code, stderr } = await running.stop()
  assert.deepEqual([code, stderr], [0, ''])
})

test('SIGHUP reads the file again: new connections go by it, and open ones go on', async t => {
  const path = join(temporaryFolder(t), 'proxy.json')
  const write = (options: object): void => writeFileSync(path, JSON.stringify(options))
  write({ listen: '127.0.0.1:0', upstreams: [await upstream(t, echo)] })
  const running = await proxy(t, ['--config', path])
  const client = await dial(t, running.port)
  client.write('1')
  await once(client, 'data')
  write({ listen: '127.0.0.1:0', upstreams: [await upstream(t, saying('elsewhere'))] })
  running.process.kill('SIGHUP')
  await eventually(
    () => / was read again$/m.test(running.output().stderr),
    () => running.output().stderr,
  )
  assert.equal(await hear(t, running.port), 'elsewhere')
  client.write('2')
  assert.equal(String((await once(client, 'data'))[0]), '2')

  write({ listen: '127.0.0.1:0', upstreams: [{ address: 'a:1', weight: 0 }] })
  running.process.kill('SIGHUP')
  await eventually(
    () => /^sluice: nothing was changed: upstreams\[0\]\.weight must be /m.test(running.output().stderr),
    () => running.output().stderr,
  )
  assert.equal(await hear(t, running.port), 'elsewhere')
  client.end()
  assert.equal((await running.stop()).code, 0)
})

test('flags go before the file', async t => {
  const path = join(temporaryFolder(t), 'proxy.json')
  writeFileSync(
    path,
    JSON.stringify({ listen: '127.0.0.1:1', upstreams: [await deadAddress()], connectMs: 1000 }),
  )
  const running = await proxy(t, ['--config', path, ...listen, '--to', await upstream(t, saying('by flag'))])
  assert.equal(await hear(t, running.port), 'by flag')
})

test('an upstream that goes down is told of', async t => {
  const dead = await deadAddress()
  const to = await upstream(t, saying('here'))
  const running = await proxy(t, [...listen, '--to', dead, '--backup', to, '--failures-max', '1'])
  assert.equal(await hear(t, running.port), 'here')
  await eventually(
    () => running.output().stderr === `sluice: upstream ${dead} is down: ECONNREFUSED\n`,
    () => running.output().stderr,
  )
})

test('SIGTERM lets connections end, for as long as --grace', async t => {
  const running = await proxy(t, [...listen, '--to', await upstream(t, echo), '--grace', '30s'])
  const client = await dial(t, running.port)
  client.write('x')
  await once(client, 'data')
  const stopped = running.stop('SIGTERM')
  client.end('and this')
  assert.equal(String(await readAll(client)), 'and this')
  assert.equal((await stopped).code, 0)

  const short = await proxy(t, [...listen, '--to', await upstream(t, echo), '--grace', '50ms'])
  const stuck = await dial(t, short.port)
  stuck.on('error', () => {})
  stuck.write('x')
  await once(stuck, 'data')
  const { code, stderr } = await short.stop('SIGINT')
  assert.equal(code, 1)
  assert.match(stderr, /^sluice: cut off 1 connection after the grace period$/m)
})

test('what is wrong is one line, and the status says so', async () => {
  const cases: [string[], RegExp][] = [
    [[], /^sluice: --listen is missing, and no --config has it\. /],
    [[...listen, '--to', 'a:1', '--weight', '1'], /^error: unknown option '--weight'$/m],
    [['--listen', 'nowhere.invalid:1', '--to', 'a:1'], /^sluice: Cannot listen on nowhere\.invalid: E/],
    [
      [...listen, '--config', '/none/there.json'],
      /^sluice: \/none\/there\.json could not be read: ENOENT\. /,
    ],
  ]
  const results = await Promise.all(cases.map(([args]) => sluice(['proxy', ...args]).finished()))
  for (const [index, { code, stderr, stdout }] of results.entries()) {
    assert.equal(code, 1)
    assert.match(stderr, cases[index]![1])
    assert.match(stderr, /^[^\n]+\n(\(sluice --help tells what there is\)\n)?$/)
    assert.equal(stdout, '')
  }
})

test('a taken port is one line', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const { code, stderr } = await sluice(['proxy', '--listen', `127.0.0.1:${port}`, '--to', 'a:1']).finished()
  assert.equal(code, 1)
  assert.match(stderr, /^sluice: Cannot listen on 127\.0\.0\.1:\d+: EADDRINUSE\. /)
})
