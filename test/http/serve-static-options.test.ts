/** What the options decide: how long to keep an answer, what hooks add and hear, and what goes on to `next`. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type SendFileResult, serveStatic } from '#sluice/http/index.js'
import { type Asking, onEveryServer } from './servers.js'
import { site } from './site.js'
import { ask, folderOf, listen, serve } from './support.js'

for (const [options, expected] of [
  [{}, 'no-cache'],
  [{ maxAge: 0 }, 'max-age=0'],
  [{ maxAge: 3600 }, 'max-age=3600'],
  [{ immutable: true }, 'max-age=31536000, immutable'],
  [{ immutable: true, maxAge: 60 }, 'max-age=60, immutable'],
  [{ cacheControl: 'private, no-store' }, 'private, no-store'],
  [{ cacheControl: false as const }, undefined],
] as const) {
  onEveryServer(`Cache-Control is ${expected} with ${JSON.stringify(options)}`, async (t, serve) => {
    await steersCaches(await serve(t, folderOf(t, site), options), expected)
  })
}

for (const [options, expected] of [
  [{ cacheControl: (path: string) => (path.endsWith('/a.txt') ? 'max-age=5' : 'no-store') }, 'max-age=5'],
  [{ cacheControl: (_path: string, { size }: { size: number }) => `max-age=${size}` }, 'max-age=1'],
  [{ cacheControl: () => null }, undefined],
  [
    {
      maxAge: 5,
      setHeaders: (res: { setHeader(n: string, v: string): unknown }) =>
        res.setHeader('cache-control', 'private'),
    },
    'private',
  ],
] as const) {
  test(`Cache-Control is ${expected} by ${Object.keys(options)} as functions`, async t => {
    await steersCaches(await serve(t, folderOf(t, site), options), expected)
  })
}

async function steersCaches(get: Asking, expected: string | undefined): Promise<void> {
  const answer = await get('/a.txt')
  assert.equal(answer.headers['cache-control'], expected)
  const again = await get('/a.txt', { headers: { 'If-None-Match': answer.headers.etag! } })
  assert.deepEqual([again.status, again.headers['cache-control']], [304, expected])
}

test('the hook sets headers on every answer about a file, and is told which', async t => {
  const told: string[] = []
  const folder = folderOf(t, { ...site, 'é.txt': '12345' })
  const get = await serve(t, folder, {
    setHeaders(res, path, { size, mtimeMs }) {
      told.push(path)
      res.setHeader('X-Size', size)
      res.setHeader('Vary', 'Origin')
      res.setHeader('Content-Type', 'text/x')
      assert.ok(mtimeMs > 0)
    },
  })
  const { headers } = await get('/%C3%A9.txt')
  assert.deepEqual([headers['x-size'], headers['content-type'], headers.vary], ['5', 'text/x', 'Origin'])
  assert.deepEqual(told, [join(folder, 'é.txt')])
  const { headers: unchanged } = await get('/%C3%A9.txt', { headers: { 'If-None-Match': headers.etag! } })
  assert.deepEqual([unchanged['x-size'], unchanged['content-type']], ['5', undefined])
  await get('/nothing')
  assert.equal(told.length, 2)
})

test('a hook that fails is answered 500, its file closed and its error told', async t => {
  const results: SendFileResult[] = []
  for (const options of [
    { setHeaders: () => assert.fail('hook') },
    { cacheControl: () => assert.fail('hook') },
    { cacheControl: () => 'line\nbreak' },
  ]) {
    const get = await serve(t, folderOf(t, site), { ...options, onSend: result => void results.push(result) })
    const { status, body } = await get('/a.txt')
    assert.equal(status, 500)
    assert.doesNotMatch(body.toString(), /hook/)
  }
  assert.match(results[0]!.error!.message, /hook/)
  assert.equal((results[2]!.error as NodeJS.ErrnoException).code, 'ERR_INVALID_CHAR')
})

test('what was answered is told, once and when it is over', async t => {
  const results: (SendFileResult & { url: string })[] = []
  const get = await serve(t, folderOf(t, { ...site, 'b.bin': Buffer.alloc(100_000) }), {
    onSend: (result, req) => void results.push({ ...result, url: req.url! }),
  })
  for (const target of ['/b.bin', '/empty.bin', '/dir', '/nothing', '/..']) await get(target)
  await get('/b.bin', { method: 'HEAD' })
  await get('/b.bin', { method: 'POST' })
  await get('/b.bin', { headers: { Range: 'bytes=0-9,20-29' } })
  assert.deepEqual(
    results.map(({ url, status, bytes, error }) => [url, status, bytes, error]),
    [
      ['/b.bin', 200, 100_000, null],
      ['/empty.bin', 200, 0, null],
      ['/dir', 301, 22, null],
      ['/nothing', 404, 14, null],
      ['/..', 400, 16, null],
      ['/b.bin', 200, 0, null],
      ['/b.bin', 405, 23, null],
      ['/b.bin', 206, 20, null],
    ],
  )
  const [first] = results
  assert.equal(first!.copied, first!.path === 'sendfile' ? 0 : 100_000)
  assert.ok(results.every(({ ms }) => ms >= 0))
})

test('forced to copy, it copies and says so', async t => {
  const results: SendFileResult[] = []
  const get = await serve(t, folderOf(t, site), {
    prefer: 'copy',
    onSend: result => void results.push(result),
  })
  assert.equal((await get('/a.txt')).body.toString(), 'a')
  assert.deepEqual([results[0]!.path, results[0]!.copied], ['copy', 1])
})

test('what is not found goes to next, unless that is not wanted', async t => {
  const folder = folderOf(t, site)
  const calls: string[] = []
  for (const fallthrough of [true, false]) {
    const handler = serveStatic(folder, {
      fallthrough,
      onSend: ({ status }) => void calls.push(`sent ${status}`),
    })
    t.after(() => handler.close())
    const port = await listen(t, (req, res) =>
      handler(req, res, error => {
        calls.push(`next ${error}`)
        res.end()
      }),
    )
    for (const target of ['/a.txt', '/nothing', '/..', '/.git', '/fifo', '/plain/']) await ask(port, target)
    await ask(port, '/a.txt', { method: 'POST' })
    await ask(port, '/a.txt', { method: 'OPTIONS' })
  }
  assert.deepEqual(calls.slice(0, 8), ['sent 200', ...Array(7).fill('next undefined')])
  assert.deepEqual(
    calls.slice(8),
    [200, 404, 400, 404, 404, 404, 405, 204].map(status => `sent ${status}`),
  )
})

test('a root that is closed answers 503, and what goes wrong here is not for next', async t => {
  const handler = serveStatic(folderOf(t, site))
  const port = await listen(t, (req, res) => handler(req, res, () => res.end('next')))
  handler.close()
  handler.close()
  const { status, headers } = await ask(port, '/a.txt')
  assert.deepEqual([status, headers['retry-after']], [503, '1'])
})
