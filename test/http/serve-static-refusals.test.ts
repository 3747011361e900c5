/** What serving a folder refuses: targets that are not meant, and options that are wrong. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { serveStatic } from '#sluice/http/index.js'
import { onEveryServer } from './servers.js'
import { site } from './site.js'
import { folderOf } from './support.js'

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
