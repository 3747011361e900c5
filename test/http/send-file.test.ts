import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { MiB } from '#sluice/base/units.js'
import { type SendFileOptions, type SendFileResult, sendFile } from '#sluice/http/index.js'
import {
  type Answer,
  ask,
  descriptorCount,
  folderOf,
  listen,
  type Question,
  requestText,
  until,
} from './support.js'

/** Answers one request by sendFile → what the client got, and the result. */
async function send(
  t: TestContext,
  path: string | URL,
  {
    options,
    question,
    prepare,
  }: {
    options?: SendFileOptions
    question?: Question
    prepare?: (res: ServerResponse) => void
  } = {},
): Promise<Answer & { result: SendFileResult }> {
  let result: SendFileResult | undefined
  const port = await listen(t, async (req, res) => {
    prepare?.(res)
    result = await sendFile(req, res, path, options)
  })
  const answer = await ask(port, '/whatever', question)
  await until(() => result !== undefined)
  return { ...answer, result: result! }
}

test('a file is sent by its name, from anywhere', async t => {
  const folder = folderOf(t, { 'dir/é.txt': 'text', '.hidden': 'hidden' })
  symlinkSync('dir/é.txt', join(folder, 'link.txt'))
  for (const path of [
    join(folder, 'dir', 'é.txt'),
    pathToFileURL(join(folder, 'dir', 'é.txt')),
    `${folder}/dir/../dir/é.txt`,
    join(folder, 'link.txt'),
  ]) {
    const { status, body, headers, result } = await send(t, path)
    assert.deepEqual(
      [status, body.toString(), headers['content-type']],
      [200, 'text', 'text/plain; charset=utf-8'],
    )
    assert.deepEqual([result.status, result.bytes, result.error], [200, 4, null])
  }
  assert.equal((await send(t, join(folder, '.hidden'))).body.toString(), 'hidden')
})

test('ranges, preconditions, HEAD and precompressed forms work as in serveStatic', async t => {
  const folder = folderOf(t, { 'a.txt': '0123456789', 'a.txt.gz': 'gz' })
  const path = join(folder, 'a.txt')
  const { headers } = await send(t, path, { question: { method: 'HEAD' } })
  assert.deepEqual([headers['content-length'], headers.vary], ['10', 'Accept-Encoding'])
  const ask = async (asked: Record<string, string>) => {
    const { status, body } = await send(t, path, { question: { headers: asked } })
    return `${status} ${body}`
  }
  assert.equal(await ask({ Range: 'bytes=2-3' }), '206 23')
  assert.equal(await ask({ 'If-None-Match': headers.etag! }), '304 ')
  assert.equal(await ask({ 'If-Match': '"x"' }), '412 412 Precondition Failed\n')
  assert.equal(await ask({ 'Accept-Encoding': 'gzip' }), '200 gz')
  assert.equal(await ask({ 'Accept-Encoding': 'identity;q=0' }), '406 406 Not Acceptable\n')
})

test('below a root, nothing outside is sent', async t => {
  const folder = folderOf(t, { 'root/a.txt': 'a', 'root/.hidden': 'hidden', secret: 'secret' })
  symlinkSync('../secret', join(folder, 'root', 'out'))
  const root = join(folder, 'root')
  const status = async (path: string, options: SendFileOptions = {}) =>
    (await send(t, path, { options: { root, ...options } })).status
  assert.equal(await status('a.txt'), 200)
  assert.equal(await status('/a.txt'), 200)
  assert.equal(await status('///a.txt'), 200)
  for (const path of [
    '../secret',
    '/../secret',
    'a/../../secret',
    join(folder, 'secret'),
    'out',
    '.hidden',
    '',
    '.',
    'a\0',
  ]) {
    assert.equal(await status(path), 404, path)
  }
  assert.equal(await status('../secret', { dotfiles: 'allow' }), 404)
  assert.equal(await status('.hidden', { dotfiles: 'allow' }), 200)
  assert.equal(await status('out', { symlinks: 'anywhere' }), 200)
})

test('what cannot be sent is answered, and is no reason to reject', async t => {
  const folder = folderOf(t, { 'a.txt': 'a' })
  for (const path of [join(folder, 'nothing'), folder, '/dev/zero', '', 'a\0b', `/${'x/'.repeat(5000)}`]) {
    const { status, result } = await send(t, path)
    assert.deepEqual([status, result.status, result.error], [404, 404, null])
  }
  const { status, result } = await send(t, 'a.txt', { options: { root: join(folder, 'nothing') } })
  assert.deepEqual([status, (result.error as NodeJS.ErrnoException).code], [500, 'ERR_SLUICE_FILE'])
})

test('a status that was set before stays, and the file is sent whole', async t => {
  const folder = folderOf(t, { '404.html': 'not here' })
  const { status, body, headers } = await send(t, join(folder, '404.html'), {
    prepare: res => {
      res.statusCode = 404
    },
    question: { headers: { 'If-None-Match': '*', Range: 'bytes=0-1', 'If-Match': '"x"' } },
  })
  assert.deepEqual(
    [status, body.toString(), headers['content-type']],
    [404, 'not here', 'text/html; charset=utf-8'],
  )
})

test('headers that were set before stay, where they are not about these bytes', async t => {
  const folder = folderOf(t, { 'a.txt': 'a', 'a.txt.br': 'br' })
  const prepare = (res: ServerResponse) => {
    res.setHeader('Content-Type', 'text/x')
    res.setHeader('Cache-Control', 'private')
    res.setHeader('Content-Disposition', 'attachment')
    res.setHeader('Vary', 'Origin')
    res.setHeader('ETag', '"mine"')
    res.setHeader('Content-Length', 5)
  }
  const { headers } = await send(t, join(folder, 'a.txt'), { prepare })
  const { 'content-type': type, 'cache-control': cache, vary, etag } = headers
  assert.deepEqual([type, cache, vary], ['text/x', 'private', 'Origin, Accept-Encoding'])
  assert.equal(headers['content-disposition'], 'attachment')
  assert.deepEqual([headers['content-length'], etag === '"mine"'], ['1', false])
  const error = await send(t, join(folder, 'nothing'), { prepare })
  assert.deepEqual(
    [error.headers['content-type'], error.headers['content-disposition'], error.headers.etag],
    ['text/plain; charset=utf-8', undefined, undefined],
  )
  const unchanged = await send(t, join(folder, 'a.txt'), {
    prepare,
    question: { headers: { 'If-None-Match': etag! } },
  })
  assert.deepEqual(
    [unchanged.status, unchanged.headers['content-type'], unchanged.headers['content-length']],
    [304, undefined, undefined],
  )
})

test('any method is answered: it is the program that called', async t => {
  const folder = folderOf(t, { 'a.txt': 'abc' })
  const question = {
    method: 'POST',
    headers: { 'Content-Length': '0', Range: 'bytes=0-0', 'If-None-Match': '*' },
  }
  const { status, body } = await send(t, join(folder, 'a.txt'), { question })
  assert.deepEqual([status, body.toString()], [200, 'abc'])
})

test('a signal breaks the response off, and the client sees that', async t => {
  const folder = folderOf(t, { 'big.bin': Buffer.alloc(64 * MiB) })
  const before = descriptorCount()
  const controller = new AbortController()
  let result: SendFileResult | undefined
  const port = await listen(t, async (req, res) => {
    result = await sendFile(req, res, join(folder, 'big.bin'), { signal: controller.signal })
  })
  let received = 0
  const socket = net.connect(port, '127.0.0.1', () => socket.write(requestText('/')))
  socket.on('error', () => {})
  await new Promise<void>(resolve => socket.once('readable', resolve))
  controller.abort()
  socket.on('data', chunk => {
    received += chunk.length
  })
  await new Promise<void>(resolve => socket.once('close', () => resolve()))
  assert.ok(received < 64 * MiB)
  await until(() => result !== undefined)
  assert.equal((result!.error as NodeJS.ErrnoException).code, 'ERR_SLUICE_ABORTED')
  await until(() => !(descriptorCount() > before + 1))
})

test('a client that is gone before the file was found is no reason to reject', async t => {
  const folder = folderOf(t, { 'a.txt': 'a' })
  let result: SendFileResult | undefined
  const port = await listen(t, async (req, res) => {
    await new Promise(resolve => req.socket.once('close', resolve))
    result = await sendFile(req, res, join(folder, 'a.txt'))
  })
  const socket = net.connect(port, '127.0.0.1', () => {
    socket.write(requestText('/'), () => socket.resetAndDestroy())
  })
  socket.on('error', () => {})
  await until(() => result !== undefined)
  assert.ok(result!.error !== null)
})

test('wrong options reject', async t => {
  const folder = folderOf(t, { 'a.txt': 'a' })
  const [req, res] = [{} as IncomingMessage, {} as ServerResponse]
  for (const options of [{ maxAge: '1' }, { symlinks: 'out' }, { dotfiles: true }, { prefer: 'x' }]) {
    await assert.rejects(sendFile(req, res, join(folder, 'a.txt'), options as never), {
      code: 'ERR_SLUICE_OPTION',
    })
  }
  await assert.rejects(sendFile(req, res, 5 as never), { code: 'ERR_SLUICE_OPTION' })
  await assert.rejects(sendFile(req, res, new URL('http://example/')), { code: 'ERR_SLUICE_OPTION' })
})

test('names are escaped, never templates', async t => {
  const folder = folderOf(t, { '$&.txt': 'odd' })
  assert.equal((await send(t, join(folder, '$&.txt'))).body.toString(), 'odd')
})
