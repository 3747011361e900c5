/** Files that change while they are served: one version or the other, never a mixture. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { KiB, MiB } from '#sluice/base/units.js'
import { folderOf } from '../http/support.js'
import { evict, sha256 } from '../support/contents.js'
import { eventually, pause } from '../support/eventually.js'
import type { RawClient } from '../support/raw-http.js'
import { begun, onEachEngine, stuckBytes } from './support.js'

/** From memory, by sendfile from a file that stays open, and in several steps. */
for (const length of [100, 50 * KiB, 300 * KiB, 3 * MiB]) {
  onEachEngine(
    `a file of ${length} bytes that is replaced is served anew, and never a mixture`,
    async (t, start) => {
      const folder = folderOf(t, { 'f.bin': Buffer.alloc(length, '0') })
      const { connect } = await start(t, folder)
      const clients = Array.from({ length: 4 }, () => connect())
      const seen = new Set<string>()
      let versions = 0
      const replace = (): void => {
        versions++
        writeFileSync(join(folder, 'new'), Buffer.alloc(length + versions, versions.toString(36)))
        renameSync(join(folder, 'new'), join(folder, 'f.bin'))
      }
      let ending = false
      const asking = clients.map(async client => {
        while (!ending) {
          client.get('/f.bin')
          const { status, headers, body } = await client.response()
          assert.equal(status, 200)
          const version = String.fromCharCode(body[0]!)
          const wanted = Buffer.alloc(length + Number.parseInt(version, 36), version)
          assert.ok(body.equals(wanted), `a body of version ${version} has ${body.length} bytes`)
          seen.add(`${version} ${headers.get('etag')}`)
        }
      })
      for (let i = 0; i < 10; i++) {
        await pause(70)
        replace()
      }
      await eventually(
        () => [...seen].some(each => each.startsWith('a ')),
        () => 'the last version is never served',
      )
      ending = true
      await Promise.all(asking)
      // Each version has a tag of its own, and kept it.
      assert.equal(new Set([...seen].map(each => each.split(' ')[1])).size, seen.size)
      assert.equal(new Set([...seen].map(each => each.split(' ')[0])).size, seen.size)
    },
  )
}

onEachEngine('a small file that is edited in place is served anew, and never a mixture', async (t, start) => {
  const length = 1000
  const folder = folderOf(t, { 'f.bin': Buffer.alloc(length, '0') })
  const { server, connect } = await start(t, folder)
  const client = connect()
  const fd = openSync(join(folder, 'f.bin'), 'r+')
  t.after(() => closeSync(fd))
  for (let version = 1; version <= 4; version++) {
    // Of the same size, and at a time when the version before is answered from memory.
    const before = server.counters.fromMemory
    while (server.counters.fromMemory === before) await versionOf(client, length)
    writeSync(fd, Buffer.alloc(length, String(version)), 0, length, 0)
    const seen = new Set<string>()
    while (!seen.has(String(version))) seen.add(await versionOf(client, length))
    seen.delete(String(version))
    assert.deepEqual([...seen], seen.size === 0 ? [] : [String(version - 1)])
  }
})

/** The digit that the whole body consists of. */
async function versionOf(client: RawClient, length: number): Promise<string> {
  client.get('/f.bin')
  const { status, body } = await client.response()
  const version = body.toString('latin1', 0, 1)
  assert.deepEqual([status, body.toString('latin1')], [200, version.repeat(length)])
  return version
}

onEachEngine('HEAD and 304 say the same from memory as when they are decided', async (t, start) => {
  const folder = folderOf(t, { 'small.txt': 'small', 'large.bin': Buffer.alloc(70 * KiB) })
  const { server, connect } = await start(t, folder, { maxAge: 60 })
  let client = connect()
  const ask = async (method: string, target: string, ...fields: string[]) => {
    client.send(`${method} ${target} HTTP/1.1`, 'Host: test', ...fields)
    const { status, headers, body } = await client.response({ withoutBody: method === 'HEAD' })
    return { status, body: body.length, headers: [...headers].filter(([name]) => name !== 'date') }
  }
  for (const [target, length] of [
    ['/small.txt', 5],
    ['/large.bin', 70 * KiB],
  ] as const) {
    client = connect()
    const decided = { head: await ask('HEAD', target), whole: await ask('GET', target) }
    assert.deepEqual({ ...decided.head, body: length }, decided.whole)
    const condition = `If-None-Match: ${new Map(decided.whole.headers).get('etag')}`
    const unchanged = await ask('GET', target, condition)
    assert.deepEqual([unchanged.status, unchanged.body], [304, 0])
    const before = server.counters.bySendfile + server.counters.fromMemory
    for (let i = 0; i < 20; i++) {
      assert.deepEqual(await ask('HEAD', target), decided.head)
      assert.deepEqual(await ask('GET', target, condition), unchanged)
      assert.deepEqual(await ask('HEAD', target, condition), unchanged)
      assert.deepEqual(await ask('GET', target, 'If-None-Match: "other"'), decided.whole)
      assert.deepEqual(await ask('GET', target), decided.whole)
    }
    assert.equal(server.counters.bySendfile + server.counters.fromMemory - before, 40)
  }
  // The tag is another one from now on.
  const { headers } = await ask('HEAD', '/small.txt')
  writeFileSync(join(folder, 'small.txt'), 'other')
  const condition = `If-None-Match: ${new Map(headers).get('etag')}`
  while ((await ask('GET', '/small.txt', condition)).status !== 200) await pause(10)
})

onEachEngine('a file that is gone, or new, is noticed', async (t, start) => {
  const folder = folderOf(t, { 'a.txt': 'a' })
  const { connect } = await start(t, folder)
  const client = connect()
  const status = async (target: string): Promise<number> => {
    client.get(target)
    return (await client.response()).status
  }
  assert.deepEqual([await status('/a.txt'), await status('/b.txt')], [200, 404])
  rmSync(join(folder, 'a.txt'))
  writeFileSync(join(folder, 'b.txt'), 'b')
  while ((await status('/a.txt')) !== 404) await pause(10)
  while ((await status('/b.txt')) !== 200) await pause(10)
})

const edits: [what: string, edit: (path: string) => void][] = [
  [
    'edited in place',
    path => {
      const fd = openSync(path, 'r+')
      writeSync(fd, 'changed', stuckBytes - 100)
      closeSync(fd)
    },
  ],
  ['truncated', path => truncateSync(path, stuckBytes / 2)],
]
for (const [what, edit] of edits) {
  onEachEngine(`a file that is ${what} while it is sent breaks the answer off`, async (t, start) => {
    const folder = folderOf(t, { 'f.bin': Buffer.alloc(stuckBytes, 'x') })
    const { server, connect } = await start(t, folder)
    const client = connect({ reading: false })
    client.get('/f.bin')
    await begun(client)
    edit(join(folder, 'f.bin'))
    assert.ok((await client.rest()).length < stuckBytes)
    await eventually(
      () => server.counters.brokenOff === 1,
      () => 'the answer was completed',
    )
    // A moment later one gets what is there now.
    const wanted = sha256(readFileSync(join(folder, 'f.bin')))
    const versions = new Set<string>()
    while (!versions.has(wanted)) versions.add(await whole(connect()))
    assert.equal(versions.size, versions.has('') ? 2 : 1)
  })
}

/** The hash of what is answered; empty where that was broken off. */
async function whole(client: RawClient): Promise<string> {
  client.send('GET /f.bin HTTP/1.1', 'Host: test', 'Connection: close')
  const bytes = await client.rest()
  const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)
  const length = Number(/Content-Length: (\d+)/.exec(bytes.toString('latin1', 0, 1000))?.[1])
  return body.length === length ? sha256(body) : ''
}

onEachEngine('a file that grows while it is sent is sent as it was, or broken off', async (t, start) => {
  const folder = folderOf(t, { 'f.bin': Buffer.alloc(stuckBytes, 'x') })
  const { connect } = await start(t, folder)
  const client = connect({ reading: false })
  client.get('/f.bin')
  await begun(client)
  appendFileSync(join(folder, 'f.bin'), 'more')
  assert.ok(!(await client.rest()).includes('more'))
})

onEachEngine('files that are not in memory arrive whole, while others are answered', async (t, start) => {
  const names = Array.from({ length: 8 }, (_, index) => `cold-${index}.bin`)
  const files = Object.fromEntries(
    names.map((name, index) => [name, Buffer.alloc(4 * MiB, `${index} cold `)]),
  )
  const folder = folderOf(t, { ...files, 'hot.txt': 'hot' })
  const { server, connect } = await start(t, folder)
  const hot = connect()
  const askHot = async (): Promise<void> => {
    hot.get('/hot.txt')
    assert.equal((await hot.response()).body.toString(), 'hot')
  }
  await askHot()
  evict(...names.map(name => join(folder, name)))
  let cold = names.length
  const asking = names.map(async name => {
    const client = connect()
    client.get(`/${name}`)
    assert.equal(sha256((await client.response()).body), sha256(files[name]!))
    cold--
  })
  while (cold > 0) await askHot()
  await Promise.all(asking)
  // And what was hot, the first time and whenever it was looked at again.
  assert.ok(server.counters.bySendfile > names.length)
})
