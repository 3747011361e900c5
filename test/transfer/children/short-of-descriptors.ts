/** Transfers with no descriptor left, and again with some; run with a low `ulimit -n`. Prints a line if all is well. */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { pathTaken } from '../../support/addon.js'
import { socketPair } from '../../support/sockets.js'

const self = fileURLToPath(import.meta.url)
const atEnd: (() => unknown)[] = []
const { socket: sink, peer } = await socketPair({ after: action => void atEnd.push(action as () => unknown) })

const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch (error) {
  assert.equal((error as NodeJS.ErrnoException).code, 'EMFILE')
}
for (const _attempt of [1, 2]) {
  await assert.rejects(transfer(file(self), socket(sink)), { code: 'ERR_SLUICE_DESCRIPTORS' })
}
for (const fd of taken) closeSync(fd)

const { bytes, path } = await transfer(file(self), socket(sink))
assert.equal((await peer.take(bytes)).length, bytes)
assert.equal(path, pathTaken('sendfile'), 'what could not be opened then was opened now')
for (const action of atEnd) action()
console.log('as it should be')
