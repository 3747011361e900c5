/** An answer piece by piece: short sends, full sockets, and files that are not in memory. */
import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { Opened } from '#sluice/http/opened.js'
import { Region } from '#sluice/memory/region.js'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'
import { Arena } from '#sluice/server/arena.js'
import { DONE, FULL, MORE, Outgoing, PARKED, type Piece } from '#sluice/server/outgoing.js'
import { SharedFile } from '#sluice/server/shared-file.js'
import { folderOf } from '../http/support.js'
import { needsAddon } from '../support/addon.js'
import { openDescriptors } from '../support/descriptors.js'
import { nativeWith } from '../support/scripted-native.js'

interface Sending {
  outgoing: Outgoing
  /** What has come out at the other end. */
  received: () => Buffer
  resumed: () => number
}

/** Sends to one end of a pair of sockets, over calls of which some are made up. */
async function sending(
  t: TestContext,
  calls: Partial<Native>,
  pieces: Piece[],
  body: Buffer,
): Promise<Sending> {
  const ends = new Int32Array(2)
  assert.equal(native!.socketpair(native!.AF_UNIX, native!.SOCK_STREAM | native!.SOCK_NONBLOCK, ends), 0)
  const [fd, other] = ends as unknown as [number, number]
  const region = new Region({ bytes: MiB })
  const path = join(folderOf(t, { 'f.bin': body }), 'f.bin')
  const opened = Opened.from(native!.open(path, native!.O_RDONLY | native!.O_CLOEXEC), 'read')
  assert.ok(opened instanceof Opened)
  let resumed = 0
  const outgoing = new Outgoing({
    native: nativeWith(calls),
    arena: new Arena(region),
    fd,
    pieces,
    file: new SharedFile(opened),
    resume: () => void resumed++,
  })
  t.after(async () => {
    outgoing.close()
    native!.close(fd)
    native!.close(other)
    await region.close()
  })
  const chunks: Buffer[] = []
  const chunk = Buffer.alloc(MiB)
  return {
    outgoing,
    resumed: () => resumed,
    received() {
      for (;;) {
        const count = native!.recv(other, chunk, 0)
        if (count <= 0) return Buffer.concat(chunks)
        chunks.push(Buffer.from(chunk.subarray(0, count)))
      }
    },
  }
}

const { EAGAIN, EINTR, ECONNRESET } = constants.errno

test(
  'a piece of a file that is not in memory waits for a thread, and nothing is sent before',
  needsAddon,
  async t => {
    const body = Buffer.alloc(100 * KiB, 'cold ')
    let arrived = (_result: number): void => assert.fail('nobody fetches it')
    let sends = 0
    const calls: Partial<Native> = {
      preadNoWait: () => -EAGAIN,
      sendfileOffload: () =>
        new Promise(resolve => {
          arrived = resolve
        }),
      sendfile(...args) {
        sends++
        return native!.sendfile(...args)
      },
    }
    const pieces: Piece[] = [{ text: 'head ' }, { range: { start: 0, end: body.length - 1 } }]
    const { outgoing, received, resumed } = await sending(t, calls, pieces, body)
    assert.equal(outgoing.step(), PARKED)
    assert.equal(outgoing.step(), PARKED)
    assert.deepEqual([sends, resumed()], [0, 0])
    arrived(body.length)
    await new Promise(setImmediate)
    assert.equal(resumed(), 1)
    let text = received()
    while (outgoing.step() !== DONE) text = received()
    text = received()
    assert.equal(text.toString(), `head ${body}`)
  },
)

test(
  'a file whose answer is given up while a thread fetches it is closed after that',
  needsAddon,
  async t => {
    let arrived = (_result: number): void => assert.fail('nobody fetches it')
    const calls: Partial<Native> = {
      preadNoWait: () => -EAGAIN,
      sendfileOffload: () =>
        new Promise(resolve => {
          arrived = resolve
        }),
    }
    // Not where the file of another test was, whose number this one may have: what was in memory is remembered.
    const range = { start: 150 * KiB, end: 160 * KiB }
    const { outgoing, resumed } = await sending(t, calls, [{ range }], Buffer.alloc(200 * KiB))
    const open = (): number => openDescriptors().filter(name => name.endsWith('f.bin')).length
    assert.equal(outgoing.step(), PARKED)
    outgoing.close()
    assert.equal(open(), 1)
    arrived(10 * KiB)
    await new Promise(setImmediate)
    assert.deepEqual([open(), resumed()], [0, 0])
  },
)

test('short sends, full sockets and interruptions lose and repeat nothing', needsAddon, async t => {
  const body = Buffer.from(Array.from({ length: 5000 }, (_, index) => index & 255))
  let call = 0
  /** Every third call is refused, every third interrupted, and what goes is short. */
  const sometimes = (send: (count: number) => number, count: number): number => {
    call++
    return call % 3 === 0 ? -EAGAIN : call % 3 === 1 ? -EINTR : send(Math.min(count, 7))
  }
  const calls: Partial<Native> = {
    sendText: (fd, text, flags) =>
      sometimes(count => native!.sendText(fd, text.slice(0, count), flags), text.length),
    send: (fd, bytes, flags) =>
      sometimes(count => native!.send(fd, bytes.subarray(0, count), flags), bytes.length),
    sendfile: (out, input, offset, count) =>
      sometimes(some => native!.sendfile(out, input, offset, some), count),
  }
  const pieces: Piece[] = [
    { text: 'the head, which is longer than what goes at once ' },
    { range: { start: 10, end: 1009 } },
    { text: 'between' },
    { range: { start: 4000, end: 4999 } },
    { bytes: Buffer.from('and bytes at the end') },
  ]
  const { outgoing, received } = await sending(t, calls, pieces, body)
  let text = received()
  let full = 0
  for (let step = outgoing.step(); step !== DONE; step = outgoing.step()) {
    assert.equal(step, FULL)
    full++
    text = received()
  }
  text = received()
  const wanted = Buffer.concat([
    Buffer.from('the head, which is longer than what goes at once '),
    body.subarray(10, 1010),
    Buffer.from('between'),
    body.subarray(4000, 5000),
    Buffer.from('and bytes at the end'),
  ])
  assert.ok(text.equals(wanted))
  assert.ok(full > 10)
  assert.equal(outgoing.sentBytes, wanted.length)
  assert.equal(outgoing.copiedBytes, wanted.length - 2000)
})

test('an error of the socket is what the step gives', needsAddon, async t => {
  const calls: Partial<Native> = { sendfile: () => -ECONNRESET }
  const { outgoing } = await sending(t, calls, [{ range: { start: 0, end: 9 } }], Buffer.alloc(10))
  assert.equal(outgoing.step(), -ECONNRESET)
})

test('a large file lets others have their turn', needsAddon, async t => {
  const body = Buffer.alloc(3 * MiB)
  const sizes: number[] = []
  const calls: Partial<Native> = {
    sendfile(_out, _input, _offset, count) {
      sizes.push(count)
      return count
    },
  }
  const { outgoing } = await sending(t, calls, [{ range: { start: 0, end: body.length - 1 } }], body)
  assert.deepEqual(
    [outgoing.step(), outgoing.step(), outgoing.step(), outgoing.step()],
    [MORE, MORE, DONE, DONE],
  )
  assert.deepEqual(sizes, [MiB, MiB, MiB])
})
