/**
 * From a socket to a `socket` or `file` with no descriptors left for pipes, from the beginning or, `socket-later`, from
 * when something has come; run with a low `ulimit -n`. Prints a line if all is well.
 */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import type { TransferResult } from '#sluice/transfer/jobs/job.js'
import { sharedPipes } from '#sluice/transfer/pipe-pool.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { socketPair } from '../../support/sockets.js'

const [, , to, name] = process.argv
const atEnd: (() => unknown)[] = []
const t = { after: (action: unknown) => void atEnd.push(action as () => unknown) }
const near = await socketPair(t)
const far = await socketPair(t)
// The engine has its descriptors from here on.
assert.equal(plan(socket(near.socket), socket(far.socket)).path, 'splice')

const start = (): Promise<TransferResult> =>
  transfer(socket(near.socket), to === 'file' ? file(name!) : socket(far.socket), { prefer: 'splice' })
let sent: Promise<TransferResult> | null = null
if (to === 'socket-later') {
  sent = start()
  near.peer.socket.write('all ')
  await far.peer.take(4)
  // The one that it waits without.
  sharedPipes(native!).take()
}

const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch (error) {
  assert.equal((error as NodeJS.ErrnoException).code, 'EMFILE')
}
// For the file, and for one of two pipes.
if (to === 'file') for (const fd of taken.splice(0, 3)) closeSync(fd)
near.peer.socket.end(sent === null ? 'all the same' : 'the same')
const { path, why, bytes, copied } = await (sent ?? start())
assert.equal(path, 'copy')
assert.match(why, to === 'file' ? /there are no two pipes/ : /there is no pipe/)
assert.equal(bytes, 12)
assert.equal(copied, sent === null ? 12 : 8)
if (to !== 'file') assert.equal((await far.peer.take(12)).toString(), 'all the same')

for (const fd of taken) closeSync(fd)
for (const action of atEnd) action()
console.log('as it should be')
