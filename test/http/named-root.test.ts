import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Asking, onEveryServer } from './servers.js'
import { descriptorCount, folderOf, until } from './support.js'

onEveryServer(
  'a site that is deployed by switching a link is served anew, also for what was open',
  async (t, serve) => {
    const folder = folderOf(t, { 'one/a.txt': 'one', 'two/a.txt': 'two' })
    symlinkSync('one', join(folder, 'current'))
    const get = await serve(t, join(folder, 'current'))
    assert.equal((await get('/a.txt')).body.toString(), 'one')
    const before = descriptorCount()
    symlinkSync('two', join(folder, 'next'))
    renameSync(join(folder, 'next'), join(folder, 'current'))
    rmSync(join(folder, 'one'), { recursive: true })
    await untilServed('two', get)
    assert.ok(!(descriptorCount() > before))
  },
)

onEveryServer('while the path names nothing, or no directory, what it named is served', async (t, serve) => {
  const folder = folderOf(t, { 'root/a.txt': 'one' })
  const root = join(folder, 'root')
  const get = await serve(t, root)
  renameSync(root, join(folder, 'moved'))
  await checked(get)
  writeFileSync(root, 'a file')
  await checked(get)
  rmSync(root)
  mkdirSync(root)
  writeFileSync(join(root, 'a.txt'), 'two')
  await untilServed('two', get)
})

type Get = Asking

/** Asks until the path must have been looked up at least once. */
async function checked(get: Get): Promise<void> {
  const end = Date.now() + 1100
  while (Date.now() < end) {
    assert.equal((await get('/a.txt')).body.toString(), 'one')
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

async function untilServed(expected: string, get: Get): Promise<void> {
  await until(async () => (await get('/a.txt')).body.toString() === expected)
}
