/**
 * Proof of MSG_ZEROCOPY, twice, where nobody reads: the bytes are changed when all of them were sent, and those that are
 * still in the sender's queue arrive as they are then; and no byte passes through a call that copies.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KiB } from '#sluice/base/units.js'
import { Region } from '#sluice/memory/region.js'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { SourceLike } from '#sluice/transfer/ends/ends.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { without } from '../support/commands.js'
import { temporaryFolder } from '../support/temporary.js'
import { handedOver, unreadPeer } from './unread-peer.js'

/** Taken by one call, and far more than the peer has room for. */
const length = 256 * KiB
const [before, after] = [0x41, 0x42]
const child = fileURLToPath(new URL('children/send-unread.js', import.meta.url))
const needsTracer = native === null ? { skip: 'there is no addon' } : without('strace')

interface Changeable {
  readonly from: SourceLike
  change(): void
}

const sources: Record<'memory' | 'file', (t: TestContext) => Changeable> = { memory: ofMemory, file: ofFile }

for (const from of ['memory', 'file'] as const) {
  test(`zerocopy of ${from}: what is still to be sent is the pages themselves`, needsAddon, async t => {
    const { path, received } = await changeInQueue(t, sources[from](t), 'zerocopy')
    assert.equal(path, 'zerocopy')
    const changedFrom = received.indexOf(after)
    // What had come to the peer was copied on the way; that is no more than it has room for.
    assert.ok(changedFrom >= 0 && changedFrom < length / 4, `changed from byte ${changedFrom} on`)
    assert.ok(received.subarray(0, changedFrom).equals(Buffer.alloc(changedFrom, before)))
    assert.ok(received.subarray(changedFrom).equals(Buffer.alloc(length - changedFrom, after)))
  })

  for (const copying of from === 'memory' ? (['writev', 'copy'] as const) : (['copy'] as const)) {
    test(`${copying} of ${from}: what is still to be sent stays what it was`, needsAddon, async t => {
      const { path, received } = await changeInQueue(t, sources[from](t), copying)
      assert.equal(path, copying)
      assert.ok(received.equals(Buffer.alloc(length, before)))
    })
  }

  test(`zerocopy of ${from} passes no bytes through copying calls`, needsTracer, t => {
    assert.ok(copiedShare(t, from, 'zerocopy') < 0.01)
  })
}

test('the same measurement finds every byte of a copy', needsTracer, t => {
  assert.ok(copiedShare(t, 'memory', 'copy') >= 1)
})

async function changeInQueue(
  t: TestContext,
  { from, change }: Changeable,
  prefer: PathName,
): Promise<{ path: PathName; received: Buffer }> {
  const { socket: near, take } = await unreadPeer(t)
  const { onProgress, all } = handedOver(length)
  const sent = transfer(from, socket(near), { prefer, onProgress })
  await all
  change()
  const received = await take(length)
  return { path: (await sent).path, received }
}

function ofMemory(t: TestContext): Changeable {
  const region = new Region({ bytes: length })
  t.after(() => region.close())
  region.bytes.fill(before)
  return { from: memory(region, { stable: true }), change: () => region.bytes.fill(after) }
}

function ofFile(t: TestContext): Changeable {
  const name = fileOf(t)
  const change = (): void => {
    const fd = openSync(name, 'r+')
    writeSync(fd, Buffer.alloc(length, after), 0, length, 0)
    closeSync(fd)
  }
  return { from: file(name), change }
}

function fileOf(t: TestContext): string {
  const name = join(temporaryFolder(t), 'file.bin')
  writeFileSync(name, Buffer.alloc(length, before))
  return name
}

/** Bytes that calls moved out of the process by copying, as a share of those that were sent. */
function copiedShare(t: TestContext, from: 'memory' | 'file', path: PathName): number {
  const log = join(temporaryFolder(t), 'strace')
  const calls = 'trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg'
  const program = [process.execPath, child, path, String(length), ...(from === 'file' ? [fileOf(t)] : [])]
  const printed = execFileSync('strace', ['-f', '-e', calls, '-o', log, ...program], { encoding: 'utf8' })
  assert.equal(printed, `received ${length} by ${path}\n`)
  let [copied, referred] = [0, 0]
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const moved = Number(/ = (\d+)$/.exec(line)?.[1] ?? 0)
    if (line.includes('MSG_ZEROCOPY')) referred += moved
    else copied += moved
  }
  assert.equal(referred, path === 'zerocopy' ? length : 0)
  return copied / length
}
