/** Files that were compressed beforehand, over the wire. */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onEveryServer } from './servers.js'
import { folderOf, until } from './support.js'

const files = {
  'all.js': 'all.js as it is',
  'all.js.br': 'all.js in br',
  'all.js.zst': 'all.js in zstd',
  'all.js.gz': 'all.js in gzip',
  'some.html': 'some.html as it is',
  'some.html.gz': 'some.html in gzip',
  'none.css': 'none.css as it is',
  'lonely.js.br': 'lonely.js in br',
  'index.html': 'index.html as it is',
  'index.html.br': 'index.html in br',
}

/** Target, Accept-Encoding, what comes, whether the answer varies. */
const table: [string, string | undefined, string, boolean][] = [
  ['/all.js', undefined, 'all.js as it is', true],
  ['/all.js', '', 'all.js as it is', true],
  ['/all.js', 'gzip, deflate, br, zstd', 'all.js in br', true],
  ['/all.js', 'gzip, zstd', 'all.js in zstd', true],
  ['/all.js', 'gzip', 'all.js in gzip', true],
  ['/all.js', 'gzip;q=1, br;q=0.9', 'all.js in gzip', true],
  ['/all.js', 'br;q=0, *', 'all.js in zstd', true],
  ['/all.js', '*', 'all.js in br', true],
  ['/all.js', 'identity', 'all.js as it is', true],
  ['/all.js', 'identity, br;q=0.5', 'all.js as it is', true],
  ['/all.js', 'deflate', 'all.js as it is', true],
  ['/all.js', 'gzip;q=0', 'all.js as it is', true],
  ['/some.html', 'br, gzip;q=0.1', 'some.html in gzip', true],
  ['/some.html', 'br', 'some.html as it is', true],
  ['/none.css', 'br, gzip', 'none.css as it is', false],
  ['/none.css', undefined, 'none.css as it is', false],
  ['/', 'br', 'index.html in br', true],
]

for (const [target, accept, expected, varies] of table) {
  onEveryServer(`${target} for ${JSON.stringify(accept)} is ${expected}`, async (t, serve) => {
    const get = await serve(t, folderOf(t, files))
    // Twice: what was found out the first time is remembered.
    for (let count = 0; count < 2; count++) {
      const { status, headers, body } = await get(target, {
        headers: accept === undefined ? {} : { 'Accept-Encoding': accept },
      })
      assert.deepEqual([status, body.toString()], [200, expected])
      assert.equal(headers['content-encoding'], / in (\w+)$/.exec(expected)?.[1])
      assert.equal(headers.vary, varies ? 'Accept-Encoding' : undefined)
      const type = { js: 'text/javascript', html: 'text/html', css: 'text/css' }[
        /\.(\w+) /.exec(expected)![1]!
      ]
      assert.equal(headers['content-type'], `${type}; charset=utf-8`)
    }
  })
}

onEveryServer('whoever accepts none of the forms there are is told so', async (t, serve) => {
  const get = await serve(t, folderOf(t, files))
  for (const [target, accept] of [
    ['/none.css', 'identity;q=0'],
    ['/none.css', '*;q=0'],
    ['/none.css', 'identity;q=0, br'],
    ['/some.html', 'br, identity;q=0'],
  ] as const) {
    const { status, headers } = await get(target, { headers: { 'Accept-Encoding': accept } })
    assert.deepEqual([status, headers.vary], [406, 'Accept-Encoding'], accept)
  }
  assert.equal(
    (await get('/some.html', { headers: { 'Accept-Encoding': 'identity;q=0, gzip' } })).status,
    200,
  )
})

onEveryServer('every form has a tag of its own, which is compared with its own', async (t, serve) => {
  const get = await serve(t, folderOf(t, files))
  const tags = new Map<string, string>()
  for (const accept of ['identity', 'br', 'zstd', 'gzip']) {
    tags.set(accept, (await get('/all.js', { headers: { 'Accept-Encoding': accept } })).headers.etag!)
  }
  assert.equal(new Set(tags.values()).size, 4)
  for (const [accept, etag] of tags) {
    for (const other of tags.keys()) {
      const headers = { 'Accept-Encoding': other, 'If-None-Match': etag }
      const { status, headers: answered } = await get('/all.js', { headers })
      assert.deepEqual([status, answered.vary], [other === accept ? 304 : 200, 'Accept-Encoding'])
    }
  }
})

onEveryServer('tags differ also where two forms are the same file', async (t, serve) => {
  const folder = folderOf(t, { 'a.txt': 'a' })
  symlinkSync('a.txt', join(folder, 'a.txt.gz'))
  const get = await serve(t, folder)
  const plain = await get('/a.txt')
  const compressed = await get('/a.txt', { headers: { 'Accept-Encoding': 'gzip' } })
  assert.equal(compressed.headers['content-encoding'], 'gzip')
  assert.notEqual(plain.headers.etag, compressed.headers.etag)
})

onEveryServer('ranges are of the form that is sent', async (t, serve) => {
  const get = await serve(t, folderOf(t, files))
  const headers = { 'Accept-Encoding': 'br', Range: 'bytes=-2' }
  const { status, headers: answered, body } = await get('/all.js', { headers })
  assert.deepEqual([status, body.toString()], [206, 'br'])
  assert.equal(answered['content-range'], 'bytes 10-11/12')
  assert.equal(answered['content-encoding'], 'br')
})

onEveryServer('a form without its file, or one that may not be served, does not count', async (t, serve) => {
  const folder = folderOf(t, { ...files, 'root/a.txt': 'a', 'root/b.txt': 'b' })
  symlinkSync('../all.js.br', join(folder, 'root', 'a.txt.br'))
  mkdirSync(join(folder, 'root', 'b.txt.br'))
  const get = await serve(t, join(folder, 'root'))
  for (const target of ['/a.txt', '/b.txt']) {
    const { headers } = await get(target, { headers: { 'Accept-Encoding': 'br' } })
    assert.deepEqual([headers['content-encoding'], headers.vary], [undefined, undefined])
  }
  const all = await serve(t, folder)
  assert.equal((await all('/lonely.js', { headers: { 'Accept-Encoding': 'br' } })).status, 404)
  assert.equal((await all('/all.js.br')).headers['content-encoding'], undefined)
})

onEveryServer('forms that come and go are noticed', async (t, serve) => {
  const folder = folderOf(t, { 'a.txt': 'a' })
  const get = await serve(t, folder)
  const encoding = async () =>
    (await get('/a.txt', { headers: { 'Accept-Encoding': 'gzip' } })).headers['content-encoding']
  assert.equal(await encoding(), undefined)
  writeFileSync(join(folder, 'a.txt.gz'), 'g')
  await until(async () => (await encoding()) === 'gzip')
  rmSync(join(folder, 'a.txt.gz'))
  assert.equal(await encoding(), undefined)
})

onEveryServer('without negotiation the file is sent as it is, whatever is accepted', async (t, serve) => {
  const get = await serve(t, folderOf(t, files), { precompressed: false })
  for (const accept of ['br', '*;q=0']) {
    const { status, headers, body } = await get('/all.js', { headers: { 'Accept-Encoding': accept } })
    assert.deepEqual([status, headers.vary, body.toString()], [200, undefined, 'all.js as it is'])
  }
})
