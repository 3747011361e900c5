import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { toByteName } from '#sluice/http/byte-name.js'
import type { Opened, Purpose } from '#sluice/http/opened.js'
import { nameBytesMax, type Opener } from '#sluice/http/opener.js'
import { anywhere, Root, type RootOptions } from '#sluice/http/root.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { temporaryFolder } from '../support/temporary.js'
import { descriptorCount, folderOf } from './support.js'

const { EAGAIN, EBADF, EINVAL, ENAMETOOLONG, ENOENT, ENOSYS, ENOTDIR, ENXIO, EPERM, EXDEV, ELOOP } =
  constants.errno
const needsAddon = native === null && 'there is no addon'

interface Way {
  name: string
  options: RootOptions
  skip?: string | false
}

/** Calls of the addon, some of them replaced. */
function calls(replaced: (native: Native) => Partial<Native>): Native {
  return native === null ? (null as unknown as Native) : { ...native, ...replaced(native) }
}

/** Every way in which names are resolved: all behave alike. */
const ways: Way[] = [
  { name: 'openat2', options: {}, skip: needsAddon },
  {
    name: 'openat2 without RESOLVE_CACHED',
    options: {
      calls: calls(({ openat2, RESOLVE_CACHED }) => ({
        openat2: (fd, path, flags, resolve) =>
          resolve & RESOLVE_CACHED ? -EINVAL : openat2(fd, path, flags, resolve),
      })),
    },
    skip: needsAddon,
  },
  {
    name: 'openat2 with nothing in the cache',
    options: { calls: calls(() => ({ openat2: () => -EAGAIN })) },
    skip: needsAddon,
  },
  {
    name: 'openat2 that a sandbox forbids',
    options: { calls: calls(() => ({ openat2: () => -EPERM })) },
    skip: needsAddon,
  },
  { name: 'openat2 without /proc', options: { proc: false }, skip: needsAddon },
  { name: 'a check by /proc', options: { calls: null } },
  { name: 'a check by realpath', options: { calls: null, proc: false } },
]

for (const way of ways) {
  const on = (what: string, body: (t: TestContext) => Promise<void>) =>
    test(`${way.name}: ${what}`, { skip: way.skip ?? false }, body)

  on('files and directories inside are found, others are not', async t => {
    const folder = folderOf(t, { 'a.txt': 'a', 'dir/b.txt': 'bb', 'dir/é\n.txt': 'ccc' })
    const root = rootOf(t, folder, way)
    assert.equal(await look(root, 'a.txt'), 'file of 1')
    assert.equal(await look(root, 'dir/b.txt'), 'file of 2')
    assert.equal(await look(root, toByteName('dir/é\n.txt')), 'file of 3')
    assert.equal(await look(root, 'dir'), 'directory')
    assert.equal(await look(root, ''), 'directory')
    assert.equal(await look(root, 'nothing'), -ENOENT)
    assert.equal(await look(root, 'dir/nothing/x'), -ENOENT)
    assert.equal(await look(root, 'a.txt/x'), -ENOTDIR)
    assert.equal(await look(root, 'x'.repeat(256)), -ENAMETOOLONG)
    assert.equal(await look(root, 'x/'.repeat(nameBytesMax)), -ENAMETOOLONG)
  })

  on('names that are not UTF-8 are found', async t => {
    const folder = temporaryFolder(t)
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0xfe])]), 'x')
    assert.equal(await look(rootOf(t, folder, way), '\xff\xfe'), 'file of 1')
  })

  on('nothing outside is found', async t => {
    const folder = folderOf(t, {
      'root/a.txt': 'a',
      'root/dir/b': 'b',
      'rootsecret/s': 's',
      secret: 'secret',
    })
    const inRoot = (target: string, name: string) => symlinkSync(target, join(folder, 'root', name))
    inRoot('../secret', 'relative')
    inRoot(join(folder, 'secret'), 'absolute')
    inRoot('/etc', 'etc')
    inRoot('..', 'up')
    inRoot('../rootsecret', 'sibling')
    inRoot('up', 'chain')
    inRoot('/proc/self/cwd', 'magic')
    const root = rootOf(t, join(folder, 'root'), way)
    for (const name of ['../secret', '..', 'dir/../../secret', 'relative', 'absolute', 'etc/passwd', 'etc']) {
      assert.equal(await look(root, name), -EXDEV, name)
    }
    for (const name of ['up', 'up/secret', 'sibling/s', 'chain/secret', 'magic', 'magic/package.json']) {
      assert.equal(typeof (await look(root, name)), 'number', name)
    }
  })

  on('links that end inside are followed, by whatever way they go', async t => {
    const folder = folderOf(t, { 'root/a.txt': 'a', 'root/dir/b': 'bb' })
    const root = join(folder, 'root')
    symlinkSync('a.txt', join(root, 'plain'))
    symlinkSync('../a.txt', join(root, 'dir', 'up'))
    symlinkSync(join(root, 'a.txt'), join(root, 'absolute'))
    symlinkSync('../root/dir', join(root, 'around'))
    symlinkSync('loop', join(root, 'loop'))
    const opener = rootOf(t, root, way)
    for (const name of ['plain', 'dir/up', 'absolute'])
      assert.equal(await look(opener, name), 'file of 1', name)
    assert.equal(await look(opener, 'around/b'), 'file of 2')
    assert.equal(await look(opener, 'loop'), -ELOOP)
  })

  on('links out are followed where that is allowed', async t => {
    const folder = folderOf(t, { 'root/a': 'a', secret: 'secret' })
    symlinkSync('../secret', join(folder, 'root', 'out'))
    const root = rootOf(t, join(folder, 'root'), { ...way, options: { ...way.options, follow: true } })
    assert.equal(await look(root, 'out'), 'file of 6')
  })

  on('FIFOs, sockets and devices are not found, and nobody waits', async t => {
    const folder = temporaryFolder(t)
    execFileSync('mkfifo', [join(folder, 'fifo')])
    symlinkSync('fifo', join(folder, 'link'))
    symlinkSync('/dev/zero', join(folder, 'zero'))
    const server = createServer()
    await new Promise<void>(resolve => server.listen(join(folder, 'socket'), resolve))
    t.after(() => server.close())
    const root = rootOf(t, folder, { ...way, options: { ...way.options, follow: true } })
    for (const name of ['fifo', 'link', 'zero', 'socket']) assert.equal(await look(root, name), -ENXIO, name)
  })

  on('the root may be a link', async t => {
    const folder = folderOf(t, { 'one/a': '1' })
    symlinkSync('one', join(folder, 'root'))
    const root = rootOf(t, join(folder, 'root'), way)
    assert.equal(await look(root, 'a'), 'file of 1')
  })

  if (way.options.proc !== false) {
    on('the root is the same directory when it was renamed', async t => {
      const folder = folderOf(t, { 'root/a': '1', 'other/a': '22' })
      const root = rootOf(t, join(folder, 'root'), way)
      renameSync(join(folder, 'root'), join(folder, 'moved'))
      renameSync(join(folder, 'other'), join(folder, 'root'))
      symlinkSync(join(folder, 'moved', 'a'), join(folder, 'moved', 'link'))
      assert.equal(await look(root, 'a'), 'file of 1')
      assert.equal(await look(root, 'link'), 'file of 1')
    })
  }

  on('a file that was looked at is opened later, whatever its name means by then', async t => {
    const folder = folderOf(t, { a: 'before', b: 'after' })
    const root = rootOf(t, folder, way)
    const file = (await root.open('a', 'look')) as Opened
    renameSync(join(folder, 'b'), join(folder, 'a'))
    assert.equal(file.openBody(), 0)
    assert.equal(textOf(file), 'before')
    file.close()
  })

  on('metadata is exact', async t => {
    const folder = folderOf(t, { a: '' })
    truncateSync(join(folder, 'a'), 2 ** 33 + 1)
    execFileSync('touch', ['-d', '1969-12-31T23:59:58.123456789Z', join(folder, 'a')])
    const file = (await rootOf(t, folder, way).open('a', 'look')) as Opened
    assert.equal(file.size, 2 ** 33 + 1)
    assert.deepEqual([file.mtimeSeconds, file.mtimeNanoseconds], [-2, 123_456_789])
    file.close()
    file.close()
  })

  on('no descriptor is left open', async t => {
    const folder = folderOf(t, { 'root/a': 'a', 'root/dir/b': 'b', secret: 's' })
    symlinkSync('../secret', join(folder, 'root', 'out'))
    symlinkSync(join(folder, 'root', 'a'), join(folder, 'root', 'absolute'))
    execFileSync('mkfifo', [join(folder, 'root', 'fifo')])
    const before = descriptorCount()
    const root = new Root(join(folder, 'root'), way.options)
    for (const purpose of ['look', 'read'] as const) {
      for (const name of ['a', 'dir', '', 'nothing', 'out', 'absolute', 'fifo', 'a/b', '../secret']) {
        await look(root, name, purpose)
      }
    }
    root.close()
    root.close()
    assert.equal(descriptorCount(), before)
    assert.equal(await look(root, 'a'), -EBADF)
  })
}

test('the check goes by what openat2 finds: which way was chosen is told', t => {
  const folder = folderOf(t, {})
  for (const { name, options, skip } of ways) {
    if (skip) continue
    const { resolvedBy } = rootOf(t, folder, { name, options })
    const kernel = name.startsWith('openat2') && !name.includes('forbids')
    assert.equal(resolvedBy, kernel ? 'kernel' : 'check', name)
  }
})

test('an old kernel without openat2 is no obstacle', { skip: needsAddon }, async t => {
  const folder = folderOf(t, { a: 'a' })
  const root = rootOf(t, folder, { name: '', options: { calls: calls(() => ({ openat2: () => -ENOSYS })) } })
  assert.equal(root.resolvedBy, 'check')
  assert.equal(await look(root, 'a'), 'file of 1')
})

test('a root that is closed during a lookup waits for it', { skip: needsAddon }, async t => {
  const folder = folderOf(t, { a: 'a' })
  const before = descriptorCount()
  const root = new Root(folder, { calls: calls(() => ({ openat2: () => -EAGAIN })) })
  const found = root.open('a', 'read')
  root.close()
  const file = (await found) as Opened
  assert.equal(textOf(file), 'a')
  file.close()
  await new Promise(setImmediate)
  assert.equal(descriptorCount(), before)
})

test('a root that is none is an error with a remedy', t => {
  const folder = folderOf(t, { file: '' })
  for (const path of ['file', 'missing', 'file/x']) {
    assert.throws(() => new Root(join(folder, path)), {
      code: 'ERR_SLUICE_FILE',
      message: /^Serving the directory ".*": open failed with E.*Name a directory/,
    })
  }
})

for (const [name, opener] of [
  ['openat2', anywhere()],
  ['a check', anywhere(null)],
] as const) {
  test(`${name}: names that nothing confines are found wherever they are`, async t => {
    const folder = folderOf(t, { 'dir/a': 'a', b: 'bb' })
    symlinkSync(join(folder, 'b'), join(folder, 'dir', 'link'))
    assert.equal(await look(opener, toByteName(join(folder, 'dir', 'a'))), 'file of 1')
    assert.equal(await look(opener, toByteName(join(folder, 'dir', 'link'))), 'file of 2')
    assert.equal(await look(opener, toByteName(`${folder}/dir/../b`)), 'file of 2')
    assert.equal(await look(opener, toByteName(join(folder, 'c'))), -ENOENT)
  })
}

function rootOf(t: TestContext, path: string, { options }: Way): Root {
  const root = new Root(path, options)
  t.after(() => root.close())
  return root
}

/** What is found under a name, closed again: what it is, or -errno. */
async function look(opener: Opener, name: string, purpose: Purpose = 'look'): Promise<string | number> {
  const found = await opener.open(name, purpose)
  if (typeof found === 'number') return found
  found.close()
  return found.isDirectory ? 'directory' : `file of ${found.size}`
}

function textOf(file: Opened): string {
  const buffer = Buffer.alloc(file.size)
  readSync(file.fd, buffer, 0, file.size, 0)
  return buffer.toString()
}
