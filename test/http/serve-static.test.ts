/** What is answered to which target: names, directories, methods, and the options that decide about them. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type SendFileResult, serveStatic } from '#sluice/http/index.js'
import { type Asking, onEveryServer } from './servers.js'
import { ask, folderOf, listen, serve } from './support.js'

const site = {
  'index.html': '<h1>top',
  'a.txt': 'a',
  'a b&c.txt': 'abc',
  'é.txt': 'e',
  'empty.bin': '',
  'dir/index.html': '<h1>dir',
  'dir/x.txt': 'x',
  'plain/x.txt': 'x',
  'index-is-folder/index.html/x': 'x',
  'example.com/index.html': 'not there',
  '.hidden': 'hidden',
  '.git/config': 'hidden',
  'dir/.env': 'hidden',
  '.well-known/security.txt': 'known',
  '.well-known/.secret': 'hidden',
}

onEveryServer('files are answered with their bytes and what describes them', async (t, serve) => {
  const get = await serve(t, folderOf(t, site))
  const { status, headers, body } = await get('/a.txt')
  assert.equal(status, 200)
  assert.equal(body.toString(), 'a')
  const { etag, date, 'last-modified': lastModified, ...others } = headers
  assert.match(etag!, /^"[^"]+"$/)
  assert.ok(Date.parse(lastModified!) <= Date.parse(date!))
  assert.deepEqual(others, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': '1',
    'accept-ranges': 'bytes',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  })
})

const meant = [
  ['/', 200, '<h1>top'],
  ['/index.html', 200, '<h1>top'],
  ['/a.txt?x', 200, 'a'],
  ['/%61.txt', 200, 'a'],
  ['/a%20b&c.txt', 200, 'abc'],
  ['/%C3%A9.txt', 200, 'e'],
  ['//a.txt', 200, 'a'],
  ['/dir//x.txt', 200, 'x'],
  ['/./a.txt', 200, 'a'],
  ['/empty.bin', 200, ''],
  ['/dir/', 200, '<h1>dir'],
  ['/dir/?x=/../', 200, '<h1>dir'],
  ['/.well-known/security.txt', 200, 'known'],
  ['http://example/a.txt', 200, 'a'],
  ['http://example', 200, '<h1>top'],
] as const

onEveryServer('a target means the same file however it is written', async (t, serve) => {
  const get = await serve(t, folderOf(t, site))
  for (const [target, status, body] of meant) {
    const answer = await get(target)
    assert.deepEqual([answer.status, answer.body.toString()], [status, body], target)
  }
})

/** Targets that must not get a file, whatever they try. Each is asked for plainly, as a place of an application, and as a listing. */
const refused: [string, number][] = [
  ['/nothing', 404],
  ['/a.txt/', 404],
  ['/a.txt/x', 404],
  ['/a.txt%20', 404],
  ['/A.TXT', 404],
  ['/plain/', 404],
  ['/index-is-folder/', 404],
  [`/${'x'.repeat(300)}`, 404],
  [`/${'x/'.repeat(3000)}`, 404],
  [`/${'%41'.repeat(2000)}`, 404],
  ['/.hidden', 404],
  ['/%2ehidden', 404],
  ['/.git/config', 404],
  ['/.git/', 404],
  ['/.git', 404],
  ['/dir/.env', 404],
  ['/.well-known/.secret', 404],
  ['/..', 400],
  ['/../secret', 400],
  ['/dir/../../secret', 400],
  ['/dir/..', 400],
  ['/%2e%2e/secret', 400],
  ['/.%2e/secret', 400],
  ['/..%2fsecret', 400],
  ['/..%5csecret', 400],
  ['/..\\secret', 400],
  ['/dir%2fx.txt', 400],
  ['/dir%5cx.txt', 400],
  ['/dir\\x.txt', 400],
  ['/a.txt%00', 400],
  ['/%00', 400],
  ['/a.txt%00.html', 400],
  ['/%', 400],
  ['/%a', 400],
  ['/%zz', 400],
  ['/%c0%ae%c0%ae/secret', 404],
  ['/%252e%252e/secret', 404],
  ['/..;/secret', 404],
  ['/link-out', 404],
  ['/link-to-folder/secret', 404],
  ['/fifo', 404],
  ['/fifo/', 404],
  ['/zero', 404],
]

for (const options of [{}, { listing: true, dotfiles: 'ignore' as const }, { fallthrough: false }]) {
  onEveryServer(
    `what is not there or not meant is refused with ${JSON.stringify(options)}`,
    async (t, serve) => {
      const folder = folderOf(t, { secret: 'secret', 'root/a.txt': 'a' })
      const root = join(folder, 'root')
      for (const [name, bytes] of Object.entries(site)) {
        execFileSync('mkdir', ['-p', join(root, name, '..')])
        writeFileSync(join(root, name), bytes)
      }
      symlinkSync('../secret', join(root, 'link-out'))
      symlinkSync('..', join(root, 'link-to-folder'))
      symlinkSync('/dev/zero', join(root, 'zero'))
      execFileSync('mkfifo', [join(root, 'fifo')])
      const get = await serve(t, root, options)
      for (const [target, status] of refused) {
        if ('listing' in options && ['/plain/', '/index-is-folder/'].includes(target)) continue
        for (const method of ['GET', 'HEAD']) {
          const answer = await get(target, { method })
          assert.equal(answer.status, status, `${method} ${target}`)
          assert.doesNotMatch(answer.body.toString(), /secret/)
          assert.equal(answer.headers['x-content-type-options'], 'nosniff')
        }
      }
    },
  )
}

onEveryServer('names that are not UTF-8 are served', async (t, serve) => {
  const folder = folderOf(t, {})
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]), 'bytes')
  const answer = await (await serve(t, folder))('/%ff%fe')
  assert.equal(answer.body.toString(), 'bytes')
})

onEveryServer('links inside are followed, and links out where that is allowed', async (t, serve) => {
  const folder = folderOf(t, { secret: 'secret', 'root/a.txt': 'a' })
  symlinkSync('a.txt', join(folder, 'root', 'in'))
  symlinkSync(join(folder, 'root', 'a.txt'), join(folder, 'root', 'absolute'))
  symlinkSync('../secret', join(folder, 'root', 'out'))
  const inside = await serve(t, join(folder, 'root'))
  const anywhere = await serve(t, join(folder, 'root'), { symlinks: 'anywhere' })
  for (const get of [inside, anywhere]) {
    assert.equal((await get('/in')).body.toString(), 'a')
    assert.equal((await get('/absolute')).body.toString(), 'a')
  }
  assert.equal((await inside('/out')).status, 404)
  assert.equal((await anywhere('/out')).body.toString(), 'secret')
})

const redirections = [
  ['/dir', '/dir/'],
  ['/dir?x=1&y=/../', '/dir/?x=1&y=/../'],
  ['/plain', '/plain/'],
  ['//example.com', '/example.com/'],
  ['///example.com?//example.org', '/example.com/?//example.org'],
  ['//example.com/%2e', null],
  ['http://example.org//example.com', '/example.com/'],
  ['/d%69r', '/dir/'],
  ['/dir#x', '/dir/'],
  ['/f%C3%A4%0d%0aX:y', '/f%C3%A4%0D%0AX:y/'],
  ['/\\example.com', null],
  ['/%5cexample.com', null],
  ['/%2fexample.com', null],
  ['/.git', null],
] as const

onEveryServer(
  'a directory without its slash is redirected to itself, and nothing else anywhere',
  async (t, serve) => {
    const get = await serve(t, folderOf(t, { ...site, 'fä\r\nX:y/index.html': 'odd' }))
    for (const [target, location] of redirections) {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await get(target, { method })
        assert.equal(headers.location, location ?? undefined, target)
        assert.equal(status === 301, location !== null, target)
      }
    }
  },
)

onEveryServer('methods other than GET and HEAD are not allowed, and OPTIONS says so', async (t, serve) => {
  const get = await serve(t, folderOf(t, site))
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'TRACE']) {
    for (const target of ['/a.txt', '/nothing', '/..']) {
      const { status, headers } = await get(target, { method })
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD, OPTIONS'])
    }
  }
  for (const target of ['/a.txt', '*']) {
    const { status, headers, body } = await get(target, { method: 'OPTIONS' })
    assert.deepEqual([status, headers.allow, body.length], [204, 'GET, HEAD, OPTIONS', 0])
    assert.equal(headers['content-length'], undefined)
  }
})

test('methods that Node knows are not allowed either', async t => {
  const get = await serve(t, folderOf(t, site))
  const { status, headers } = await get('/a.txt', { method: 'PROPFIND' })
  assert.deepEqual([status, headers.allow], [405, 'GET, HEAD, OPTIONS'])
})

onEveryServer('HEAD has the head of GET and no body', async (t, serve) => {
  const get = await serve(t, folderOf(t, { ...site, 'x.js': 'x', 'x.js.br': 'compressed' }))
  for (const target of ['/', '/a.txt', '/empty.bin', '/x.js', '/dir', '/nothing', '/..']) {
    const headers = { 'Accept-Encoding': 'br', Range: 'bytes=0-0' }
    const whole = await get(target, { headers: { 'Accept-Encoding': 'br' } })
    const head = await get(target, { method: 'HEAD', headers })
    // Range is defined for GET only (RFC 9110, section 14.2).
    assert.equal(head.status, whole.status)
    assert.deepEqual({ ...head.headers, date: '' }, { ...whole.headers, date: '' })
    assert.equal(head.body.length, 0)
  }
})

onEveryServer('dotfiles are served where that is allowed', async (t, serve) => {
  const get = await serve(t, folderOf(t, site), { dotfiles: 'allow' })
  for (const target of ['/.hidden', '/.git/config', '/dir/.env', '/.well-known/.secret']) {
    assert.equal((await get(target)).body.toString(), 'hidden', target)
  }
})

onEveryServer('the index file is the first that is there, or none', async (t, serve) => {
  const folder = folderOf(t, { 'a/home.htm': 'a', 'b/index.html': 'b', 'b/home.htm': '2', 'c/x': 'x' })
  const several = await serve(t, folder, { index: ['index.html', 'home.htm'] })
  assert.equal((await several('/a/')).body.toString(), 'a')
  assert.equal((await several('/b/')).body.toString(), 'b')
  assert.equal((await several('/c/')).status, 404)
  const none = await serve(t, folder, { index: false })
  assert.equal((await none('/b/')).status, 404)
})

onEveryServer(
  'an application gets its document for its places, and not for files that are missing',
  async (t, serve) => {
    const get = await serve(t, folderOf(t, site), { spa: true })
    for (const target of ['/users', '/users/', '/users/42/edit?x', '/dir/nothing', '/v1.2/x', '/plain/']) {
      const { status, body, headers } = await get(target)
      assert.deepEqual([status, body.toString()], [200, '<h1>top'], target)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.match(headers['content-security-policy']!, /object-src 'none'/)
    }
    assert.equal((await get('/a.txt')).body.toString(), 'a')
    assert.equal((await get('/dir/')).body.toString(), '<h1>dir')
    for (const target of ['/app.js', '/users/x.png', '/.git', '/.git/x', '/dir/.env']) {
      assert.equal((await get(target)).status, 404, target)
    }
    for (const target of ['/..', '/%zz', '/a%2fb', '/a%00'])
      assert.equal((await get(target)).status, 400, target)
  },
)

onEveryServer('the document of an application may have another name, or be missing', async (t, serve) => {
  const named = await serve(t, folderOf(t, { 'app/main.html': 'main' }), { spa: 'app/main.html' })
  assert.equal((await named('/x')).body.toString(), 'main')
  const missing = await serve(t, folderOf(t, {}), { spa: true })
  assert.equal((await missing('/x')).status, 404)
})

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

for (const [what, options] of Object.entries({
  maxAge: { maxAge: -1 },
  'maxAge as text': { maxAge: '1d' },
  immutable: { immutable: 1 },
  cacheControl: { cacheControl: 'a\r\nb' },
  'cacheControl of another type': { cacheControl: 5 },
  dotfiles: { dotfiles: 'deny' },
  symlinks: { symlinks: true },
  index: { index: '/etc/passwd' },
  'index of another type': { index: [1] },
  spa: { spa: '' },
  listing: { listing: 'yes' },
  fallthrough: { fallthrough: null },
  precompressed: { precompressed: ['br'] },
  setHeaders: { setHeaders: {} },
  onSend: { onSend: 'log' },
  prefer: { prefer: 'magic' },
})) {
  test(`a wrong option is an error at once: ${what}`, t => {
    const folder = folderOf(t, {})
    assert.throws(() => serveStatic(folder, options as never), { code: 'ERR_SLUICE_OPTION' })
  })
}

test('a root that is no directory is an error at once', t => {
  assert.throws(() => serveStatic(join(folderOf(t, site), 'a.txt')), { code: 'ERR_SLUICE_FILE' })
})
