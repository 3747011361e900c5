/** serveStatic where routers and other protocols hand over the request: Express, Connect, HTTPS, HTTP/2. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createGzip, gunzipSync } from 'node:zlib'
import { type SendFileResult, type StaticHandler, serveStatic } from '#sluice/http/index.js'
import { without } from '../support/commands.js'
import { ask, descriptorCount, folderOf, listen, serve, until } from './support.js'

type Handler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

interface Application extends RequestListener {
  use(path: string | Handler, handler?: Handler): void
  get(path: string, handler: Handler): void
}

/** Express has no types of its own. */
const express = createRequire(import.meta.url)('express') as () => Application

const site = {
  'index.html': 'top',
  'a.txt': 'a',
  'dir/index.html': 'dir',
  'x.js': 'x',
  'x.js.br': 'br',
}

function handlerOf(t: TestContext, options = {}): StaticHandler {
  const handler = serveStatic(folderOf(t, site), options)
  t.after(() => handler.close())
  return handler
}

test('Express: mounted, it serves, redirects and passes on', async t => {
  const app = express()
  app.use('/static', handlerOf(t) as Handler)
  app.get('/static/route', (_req, res) => void res.end('route'))
  const port = await listen(t, app)
  const got = async (target: string, question = {}) => {
    const { status, headers, body } = await ask(port, target, question)
    return `${status} ${headers.location ?? body}`
  }
  assert.equal(await got('/static/a.txt'), '200 a')
  assert.equal(await got('/static/'), '200 top')
  assert.equal(await got('/static'), '301 /static/')
  assert.equal(await got('/static?x=1'), '301 /static/?x=1')
  assert.equal(await got('/static/dir'), '301 /static/dir/')
  assert.equal(await got('/static/dir?x'), '301 /static/dir/?x')
  assert.equal(await got('/static/dir/'), '200 dir')
  assert.equal(await got('/static/route'), '200 route')
  assert.equal(await got('/static/a.txt', { headers: { Range: 'bytes=0-0' } }), '206 a')
  for (const target of ['/static/nothing', '/static/%2e%2e/x', '/a.txt'])
    assert.match(await got(target), /^404 /)
  assert.match(await got('/static/a.txt', { method: 'POST' }), /^404 /)
})

test('Express: headers of middleware before stay, and can be read afterwards', async t => {
  const lengths: unknown[] = []
  const app = express()
  app.use((_req, res, next) => {
    res.setHeader('Vary', 'Origin')
    res.setHeader('X-Mine', '1')
    res.once('finish', () => lengths.push(res.getHeader('content-length')))
    next()
  })
  app.use(handlerOf(t) as Handler)
  const { headers } = await ask(await listen(t, app), '/x.js', { headers: { 'Accept-Encoding': 'br' } })
  assert.deepEqual(
    [headers.vary, headers['x-mine'], headers['x-powered-by']],
    ['Origin, Accept-Encoding', '1', 'Express'],
  )
  assert.deepEqual(lengths, ['2'])
})

test('a mount point taken away by whatever means: redirections go to what the client asked for', async t => {
  const handler = handlerOf(t, { fallthrough: false })
  const port = await listen(t, (req, res) => {
    Object.assign(req, { originalUrl: req.url, url: req.url!.slice('/mount'.length) || '/' })
    handler(req, res)
  })
  assert.equal((await ask(port, '/mount/dir')).headers.location, '/mount/dir/')
  assert.equal((await ask(port, '/mount')).headers.location, '/mount/')
  assert.equal((await ask(port, '/mount/')).body.toString(), 'top')
})

test('middleware that compresses on the way gets the bytes, not the connection', async t => {
  const handler = handlerOf(t)
  const port = await listen(t, (req, res) => {
    compressing(res)
    handler(req, res)
  })
  const body = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    http.get({ port, host: '127.0.0.1', path: '/a.txt', agent: false }, res => {
      res.on('data', chunk => chunks.push(chunk))
      res.on('end', () => resolve(Buffer.concat(chunks)))
      res.on('error', reject)
    })
  })
  assert.equal(gunzipSync(body).toString(), 'a')
})

/** Replaces what such middleware replaces: writeHead, write and end. */
function compressing(res: ServerResponse): void {
  const { writeHead, write, end } = res
  const gzip = createGzip()
  gzip.on('data', chunk => write.call(res, chunk, 'latin1'))
  gzip.on('end', () => end.call(res, '', 'latin1'))
  Object.assign(res, {
    writeHead: (status: number) => {
      res.removeHeader('Content-Length')
      return writeHead.call(res, status)
    },
    write: (chunk: Buffer, callback?: unknown) =>
      gzip.write(chunk, typeof callback === 'function' ? (callback as () => void) : undefined),
    end: () => gzip.end(),
  })
}

test('HTTP/2: files, ranges, HEAD, 304 and errors, by copying', async t => {
  const bytes = randomBytes(300_000)
  const results: SendFileResult[] = []
  const handler = serveStatic(folderOf(t, { ...site, 'big.bin': bytes }), {
    onSend: result => void results.push(result),
  })
  t.after(() => handler.close())
  const server = http2.createServer(handler)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(() => {
    session.close()
    server.close()
  })
  await new Promise(resolve => session.once('connect', resolve))
  const before = descriptorCount()
  const get = (path: string, headers = {}, method = 'GET') =>
    new Promise<{ headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
      const stream = session.request({ ':path': path, ':method': method, ...headers })
      const chunks: Buffer[] = []
      let head = {}
      stream.on('response', received => {
        head = received
      })
      stream.on('data', chunk => chunks.push(chunk))
      stream.on('end', () => resolve({ headers: head, body: Buffer.concat(chunks) }))
      stream.on('error', reject)
    })
  const whole = await get('/big.bin')
  assert.equal(whole.headers[':status'], 200)
  assert.ok(whole.body.equals(bytes))
  const part = await get('/big.bin', { range: 'bytes=-5' })
  assert.deepEqual([part.headers[':status'], part.body], [206, bytes.subarray(-5)])
  const parts = await get('/big.bin', { range: 'bytes=0-1,5-6' })
  assert.equal(Number(parts.headers['content-length']), parts.body.length)
  const head = await get('/big.bin', {}, 'HEAD')
  assert.deepEqual([head.headers['content-length'], head.body.length], ['300000', 0])
  const unchanged = await get('/big.bin', { 'if-none-match': whole.headers.etag })
  assert.equal(unchanged.headers[':status'], 304)
  assert.equal((await get('/%C3%A9')).headers[':status'], 404)
  assert.equal((await get('/..%2f')).headers[':status'], 400)
  assert.equal((await get('/dir')).headers.location, '/dir/')
  assert.equal((await get('/a.txt', {}, 'DELETE')).headers[':status'], 405)
  const many = await Promise.all(Array.from({ length: 50 }, () => get('/big.bin')))
  for (const { body } of many) assert.ok(body.equals(bytes))
  assert.ok(results.every(({ error, path }) => error === null && path !== 'sendfile'))
  await until(() => !(descriptorCount() > before))
})

test('HTTP/2: a stream that is cancelled closes its file, and the others go on', async t => {
  const handler = serveStatic(folderOf(t, { 'big.bin': Buffer.alloc(32 << 20), 'a.txt': 'a' }))
  t.after(() => handler.close())
  const server = http2.createServer(handler)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(() => {
    session.close()
    server.close()
  })
  await new Promise(resolve => session.once('connect', resolve))
  const before = descriptorCount()
  for (let count = 0; count < 10; count++) {
    const stream = session.request({ ':path': '/big.bin' })
    stream.on('error', () => {})
    await new Promise(resolve => stream.once('data', resolve))
    stream.close(http2.constants.NGHTTP2_CANCEL)
  }
  await until(() => !(descriptorCount() > before))
  const stream = session.request({ ':path': '/a.txt' })
  assert.equal(String(await new Promise(resolve => stream.once('data', resolve))), 'a')
})

test('plain node:http: no next, no trouble', async t => {
  const get = await serve(t, folderOf(t, site))
  assert.equal((await get('/a.txt')).body.toString(), 'a')
  assert.equal((await get('/nothing')).status, 404)
})

test('HTTPS: files and ranges, by copying', without('openssl'), async t => {
  const bytes = randomBytes(300_000)
  const folder = folderOf(t, { 'big.bin': bytes })
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=localhost', '-days', '1']
  execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  const results: SendFileResult[] = []
  const handler = serveStatic(folder, { onSend: result => void results.push(result) })
  t.after(() => handler.close())
  const server = https.createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, handler)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const get = (headers: Record<string, string>) =>
    new Promise<Buffer>((resolve, reject) => {
      const options = {
        port,
        host: '127.0.0.1',
        path: '/big.bin',
        headers,
        agent: false,
        rejectUnauthorized: false,
      }
      const chunks: Buffer[] = []
      https
        .get(options, res => {
          res.on('data', chunk => chunks.push(chunk))
          res.on('end', () => resolve(Buffer.concat(chunks)))
        })
        .on('error', reject)
    })
  assert.ok((await get({})).equals(bytes))
  assert.deepEqual(await get({ Range: 'bytes=-10' }), bytes.subarray(-10))
  await until(() => results.length === 2)
  assert.deepEqual(
    results.map(({ path, copied }) => [path, copied]),
    [
      ['copy', 300_000],
      ['copy', 10],
    ],
  )
})
