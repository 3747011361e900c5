import assert from 'node:assert/strict'
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { mappings, needsAddon } from './support.js'

test('a region has whole pages of zeros', async () => {
  const region = new Region({ bytes: 5000 })
  assert.equal(region.byteLength, Math.ceil(5000 / region.pageBytes) * region.pageBytes)
  assert.equal(region.bytes.length, region.byteLength)
  assert.ok(region.bytes.every(byte => byte === 0))
  assert.equal(region.hugePages, false)
  assert.equal(region.hugePagesMissing, '')
  await region.close()
})

test("the descriptor and the bytes are the same memory, under the region's name", {
  skip: needsAddon,
}, async () => {
  const region = new Region({ bytes: 8192, name: 'sluice test/é' })
  region.bytes.set(Buffer.from('hello'), 4096)
  const read = Buffer.alloc(5)
  readSync(region.fd!, read, 0, 5, 4096)
  assert.equal(read.toString(), 'hello')
  writeSync(region.fd!, 'HE', 4096)
  assert.equal(Buffer.from(region.bytes.subarray(4096, 4101)).toString(), 'HEllo')
  assert.equal(fstatSync(region.fd!).size, region.byteLength)
  assert.equal(region.sendfileSource, true)
  assert.equal(region.fdMissing, '')
  assert.equal(mappings('sluice test/é'.replace('é', '\xc3\xa9')), 1)
  await region.close()
})

test('every page is allocated when the region is made', { skip: needsAddon }, async () => {
  const region = new Region({ bytes: 1024 * 1024 })
  assert.equal(fstatSync(region.fd!).blocks * 512, region.byteLength)
  await region.close()
})

test('nobody who has the descriptor can change the size', { skip: needsAddon }, async () => {
  const region = new Region({ bytes: 8192 })
  const reopened = openSync(`/proc/self/fd/${region.fd}`, 'r+')
  for (const fd of [region.fd!, reopened]) {
    for (const size of [0, 4096, 65536]) assert.throws(() => ftruncateSync(fd, size), { code: 'EPERM' })
  }
  writeSync(reopened, 'x')
  assert.equal(region.bytes[0], 0x78)
  assert.ok(native!.addSeals(region.fd!, native!.F_SEAL_GROW) < 0, 'the seals are sealed too')
  closeSync(reopened)
  await region.close()
})

test('a region sealed against future writing is written through its bytes alone', {
  skip: needsAddon,
}, async () => {
  const region = new Region({ bytes: 4096, seal: 'future-write' })
  assert.throws(() => writeSync(region.fd!, 'x'), { code: 'EPERM' })
  const mapped = native!.mapShared(region.fd!, 0, 4096, native!.PROT_READ | native!.PROT_WRITE, 0)
  assert.ok(typeof mapped === 'number' && mapped < 0, 'nor can it be mapped for writing')
  region.bytes[0] = 7
  const read = new Uint8Array(1)
  readSync(region.fd!, read, 0, 1, 0)
  assert.equal(read[0], 7)
  await region.close()
})

test('use after close is an error, and close() can be called again', async () => {
  const region = new Region({ bytes: 4096 })
  const first = region.close()
  assert.equal(region.close(), first)
  assert.equal(region.closed, true)
  assert.throws(() => region.bytes, { code: 'ERR_SLUICE_CLOSED' })
  assert.throws(() => region.fd, { code: 'ERR_SLUICE_CLOSED' })
  assert.throws(() => region.pin(), { code: 'ERR_SLUICE_CLOSED' })
  assert.throws(() => region.onClose(() => {}), { code: 'ERR_SLUICE_CLOSED' })
  await first
  assert.throws(() => region.bytes, { code: 'ERR_SLUICE_CLOSED' })
})

test('close() waits until nothing pins the region, and the memory stays until then', async () => {
  const region = new Region({ bytes: 4096 })
  const { bytes } = region
  region.pin()
  region.pin()
  let closed = false
  const closing = region.close().then(() => {
    closed = true
  })
  region.unpin()
  await new Promise(setImmediate)
  assert.deepEqual([closed, bytes.length], [false, 4096])
  region.unpin()
  await closing
  assert.equal(bytes.length, 0)
})

test('onClose() is told as soon as close() is called, unless it has been forgotten', async () => {
  const region = new Region({ bytes: 4096 })
  const told: string[] = []
  region.onClose(() => told.push('first'))
  const forget = region.onClose(() => told.push('forgotten'))
  forget()
  region.pin()
  const closing = region.close()
  assert.deepEqual(told, ['first'])
  region.unpin()
  await closing
})

test('views of every kind have length 0 after close, and touching them is harmless', async () => {
  const region = new Region({ bytes: 65536 })
  const { buffer } = region.bytes
  const views = [
    region.bytes,
    region.bytes.subarray(100, 200),
    new Float64Array(buffer),
    Buffer.from(buffer, 8, 8),
  ]
  const dataView = new DataView(buffer)
  await region.close()
  for (const view of views) {
    assert.equal(view.length, 0)
    assert.equal(view[0], undefined)
    view[0] = 1
  }
  assert.equal(buffer.byteLength, 0)
  assert.throws(() => views[0]!.fill(1), TypeError)
  assert.throws(() => dataView.getInt8(0), TypeError)
  assert.throws(() => new Uint8Array(buffer), TypeError)
})

test("the bytes' ArrayBuffer stays where it is when it is transferred to another thread", {
  skip: needsAddon,
}, async () => {
  const region = new Region({ bytes: 4096 })
  const { buffer } = region.bytes
  // Node 20 ignores the wish, later versions refuse it.
  try {
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })
  } catch (error) {
    assert.equal((error as Error).name, 'DataCloneError')
  }
  assert.equal(region.bytes.length, 4096)
  await region.close()
})

test('memory that the program moved to another ArrayBuffer outlives the region', {
  skip: needsAddon,
}, async t => {
  const region = new Region({ bytes: 4096 })
  const buffer = region.bytes.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer }
  if (buffer.transfer === undefined) t.diagnostic('this Node has no ArrayBuffer.prototype.transfer')
  const moved = new Uint8Array(buffer.transfer?.() ?? buffer)
  moved[0] = 9
  await region.close()
  assert.equal(moved[0], buffer.transfer === undefined ? undefined : 9)
})

test('huge pages are had, or their lack is an error or a note, as asked', { skip: needsAddon }, async () => {
  const free = Number(/HugePages_Free:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0)
  const region = new Region({ bytes: 4096, hugePages: 'try' })
  assert.equal(region.hugePages, free > 0)
  assert.equal(region.hugePagesMissing === '', free > 0)
  assert.equal(region.sendfileSource, free === 0)
  region.bytes.fill(1)
  await region.close()
  if (free > 0) {
    const required = new Region({ bytes: 4096, hugePages: 'require' })
    assert.ok(required.hugePages && required.byteLength === required.pageBytes && required.pageBytes > 65536)
    required.bytes.fill(1)
    await required.close()
  } else {
    assert.throws(() => new Region({ bytes: 4096, hugePages: 'require' }), {
      code: 'ERR_SLUICE_MEMORY',
      remedy: /vm\.nr_hugepages/,
    })
  }
})

test('wrong options are refused by name', () => {
  for (const [options, name] of [
    [{ bytes: 0 }, /^bytes/],
    [{ bytes: 1.5 }, /^bytes/],
    [{ bytes: '4096' }, /^bytes/],
    [{ bytes: 4096, hugePages: true }, /^hugePages/],
    [{ bytes: 4096, seal: 'all' }, /^seal/],
    [{ bytes: 4096, name: 'a\0b' }, /^name/],
    [{ bytes: 4096, name: 'é'.repeat(125) }, /^name/],
    [{ bytes: 4096, name: 7 }, /^name/],
  ] as const) {
    assert.throws(() => new Region(options as never), { code: 'ERR_SLUICE_OPTION', message: name })
  }
})
