/** What is answered to which target: names, directories and methods. */
import assert from 'node:assert/strict'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { onEveryServer } from './servers.js'
import { site } from './site.js'
import { folderOf, serve } from './support.js'

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
