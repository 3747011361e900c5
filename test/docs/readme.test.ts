/** What the README shows is what is there: its example is a file, and the file does what the README says. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/command.js'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary.js'

const readme = readFileSync(join(repository, 'README.md'), 'utf8')

test('the README shows examples/server.ts as it is', () => {
  const [, example] = /```ts\n(.*?)```/s.exec(readme)!
  assert.equal(example, readFileSync(join(repository, 'examples', 'server.ts'), 'utf8'))
})

test('the example serves a directory, a file and a transfer', async t => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'public'))
  mkdirSync(join(folder, 'reports'))
  writeFileSync(join(folder, 'public', 'index.html'), 'home')
  writeFileSync(join(folder, 'reports', 'latest.pdf'), 'report')
  writeFileSync(join(folder, 'movie.mp4'), 'x'.repeat(1_000_000))
  const port = await freePort()
  const program = join(repository, 'build', 'dev', 'examples', 'server.js')
  const server = run(process.execPath, [program], { cwd: folder, env: { PORT: String(port) } })
  t.after(() => server.stop('SIGKILL'))
  const origin = `http://127.0.0.1:${port}`
  await answers(origin)
  const get = async (path: string): Promise<string> => await (await fetch(`${origin}${path}`)).text()
  assert.equal(await get('/'), 'home')
  assert.equal(await get('/report'), 'report')
  assert.equal((await get('/movie')).length, 1_000_000)
  await server.line(/^1000000 bytes by (sendfile|copy), \d+ copied, \d+ ms$/m)
})

test('the README shows examples/relay.ts as it is', () => {
  const [, example] = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code)
  assert.equal(example, readFileSync(join(repository, 'examples', 'relay.ts'), 'utf8'))
})

test('the relay of the README relays, keeps what was sent, and greets', async t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'greeting.txt'), 'a file\n')
  const echo = createServer({ allowHalfOpen: true }, peer => peer.pipe(peer)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  t.after(() => echo.close())
  const [port, greetingPort] = [await freePort(), await freePort()]
  const program = join(repository, 'build', 'dev', 'examples', 'relay.js')
  const env = {
    PORT: `${port}`,
    GREETING_PORT: `${greetingPort}`,
    UPSTREAM: `${(echo.address() as AddressInfo).port}`,
  }
  const relay = run(process.execPath, [program], { cwd: folder, env })
  t.after(() => relay.stop('SIGKILL'))
  const sent = 'x'.repeat(200_000)
  assert.equal(await exchange(port, sent), sent)
  assert.equal(readFileSync(join(folder, 'audit-1.bin'), 'latin1'), sent)
  assert.equal(await exchange(greetingPort, 'and you\n'), 'hello\na file\nbye\nand you\n')
})

test('the table of the README is that of the newest result that is kept', async () => {
  const { code } = await run(process.execPath, ['scripts/readme-table.js', '--check']).finished()
  assert.equal(code, 0)
})

test('every local link of the README leads somewhere', () => {
  for (const [, target] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
    assert.ok(existsSync(join(repository, target!)), target)
  }
})

/** Sends all, and ends → what comes back until the other side ends. Waits for whoever is to listen there. */
async function exchange(port: number, text: string): Promise<string> {
  for (;;) {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    try {
      await once(socket, 'connect')
    } catch {
      await new Promise(resolve => setTimeout(resolve, 20))
      continue
    }
    socket.end(text)
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('latin1')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

async function answers(origin: string): Promise<void> {
  for (;;) {
    try {
      await (await fetch(origin)).text()
      return
    } catch {
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}
