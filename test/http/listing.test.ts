import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listingEntriesMax } from '#sluice/http/listing.js'
import { type Asking, onEveryServer } from './servers.js'
import { folderOf } from './support.js'

/** Names that mean something in HTML, in URLs, to terminals or to nobody. */
const oddNames = [
  '<script>alert(1)<',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '&lt;b&gt;.txt',
  'a b+c%20d%.txt',
  'what?#where.txt',
  'javascript:alert(1)',
  'mailto:x',
  '-->',
  ']]>',
  'line\nbreak\tand\rmore',
  '\u202egnp.exe',
  'é€😀',
  '%2e%2e',
  '~',
  ' ',
  'a;b=c,d@e!f$g(h)*i',
]

onEveryServer(
  'every name is linked so that its link leads to it, and none gets out of its place',
  async (t, serve) => {
    const folder = folderOf(t, Object.fromEntries(oddNames.map(name => [name, name])))
    mkdirSync(join(folder, '<b>'))
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x22, 0xfe])]), 'bytes')
    const get = await serve(t, folder, { listing: true })
    const { status, headers, body } = await get('/')
    const html = body.toString()
    assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8'])
    const links = [...html.matchAll(/<a href="([^"]*)"><bdi>([^<]*)<\/bdi><\/a>/g)]
    const contents = []
    for (const [, link] of links) {
      assert.match(link!, /^\.\/[\w.~!$&#;()*+,=:@/%-]+$/)
      const target = new URL(link!.replaceAll('&amp;', '&').replaceAll('&#39;', "'"), 'http://example/')
      assert.equal(target.host, 'example')
      if (!target.pathname.endsWith('/')) contents.push((await get(target.pathname)).body.toString())
    }
    const expected = [...oddNames, 'bytes']
    assert.deepEqual(contents.sort(), expected.sort())
    // No other markup than the page's own.
    const tags = new Set([...html.matchAll(/<\/?([^\s>]+)/g)].map(match => match[1]))
    assert.deepEqual([...tags].sort(), [
      '!doctype',
      'a',
      'bdi',
      'h1',
      'html',
      'meta',
      'style',
      'table',
      'td',
      'title',
      'tr',
    ])
  },
)

onEveryServer('nothing but its own style may take effect on the page', async (t, serve) => {
  const { headers, body } = await (await serve(t, folderOf(t, { a: '' }), { listing: true }))('/')
  const style = /<style>([\s\S]*)<\/style>/.exec(body.toString())![1]!
  const hash = createHash('sha256').update(style).digest('base64')
  assert.equal(
    headers['content-security-policy'],
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  )
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['cache-control'], 'no-cache')
})

onEveryServer('what would not be served is not listed', async (t, serve) => {
  const folder = folderOf(t, {
    'root/a': 'a',
    'root/.hidden': '',
    'root/.well-known/x': '',
    'root/back\\slash': '',
    secret: '',
  })
  const root = join(folder, 'root')
  execFileSync('mkfifo', [join(root, 'fifo')])
  symlinkSync('../secret', join(root, 'out'))
  symlinkSync('nowhere', join(root, 'dangling'))
  symlinkSync('a', join(root, 'in'))
  assert.deepEqual(await names(await serve(t, root, { listing: true })), ['.well-known/', 'a', 'in'])
  assert.deepEqual(await names(await serve(t, root, { listing: true, dotfiles: 'allow' })), [
    '.well-known/',
    '.hidden',
    'a',
    'in',
  ])
})

onEveryServer('directories come first, numbers count, and sizes and times are told', async (t, serve) => {
  const folder = folderOf(t, {
    a10: '',
    a9: Buffer.alloc(1536),
    'z/x': '',
    'b/index.html': 'index',
    big: Buffer.alloc(3 << 20),
  })
  const get = await serve(t, folder, { listing: true })
  assert.deepEqual(await names(get), ['b/', 'z/', 'a9', 'a10', 'big'])
  const html = (await get('/')).body.toString()
  assert.match(html, />a9<\/bdi><\/a><td>1\.5 KiB<td>\d{4}-\d\d-\d\d \d\d:\d\d\n/)
  assert.match(html, />a10<\/bdi><\/a><td>0 B</)
  assert.match(html, />big<\/bdi><\/a><td>3\.0 MiB</)
  assert.equal((await get('/b/')).body.toString(), 'index')
  assert.match((await get('/z/')).body.toString(), /<h1><bdi>\/z\/<\/bdi><\/h1>[\s\S]*href="\.\.\/"/)
  assert.doesNotMatch(html, /href="\.\.\/"/)
})

onEveryServer('a listing is bounded, and says so', async (t, serve) => {
  const folder = folderOf(t, {})
  for (let i = 0; i < listingEntriesMax + 1; i++) writeFileSync(join(folder, String(i)), '')
  const get = await serve(t, folder, { listing: true })
  assert.equal((await names(get)).length, listingEntriesMax)
  assert.match((await get('/')).body.toString(), /only 1000 entries are shown/)
})

onEveryServer('HEAD of a listing has its head, and directories that are missing are', async (t, serve) => {
  const get = await serve(t, folderOf(t, { 'dir/a': '' }), { listing: true })
  const whole = await get('/dir/')
  const head = await get('/dir/', { method: 'HEAD' })
  assert.deepEqual({ ...head.headers, date: '' }, { ...whole.headers, date: '' })
  assert.equal((await get('/dir')).headers.location, '/dir/')
  for (const target of ['/nothing/', '/dir/a/']) assert.equal((await get(target)).status, 404)
})

async function names(get: Asking): Promise<string[]> {
  const html = (await get('/')).body.toString()
  return [...html.matchAll(/<bdi>([^<]*)<\/bdi><\/a>/g)].map(match => match[1]!)
}
