/** To several sinks with no descriptor left for a pipe; run with a low `ulimit -n`. Prints a line if all is well. */
import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { socketPair } from '../../support/sockets.js'

const atEnd: (() => unknown)[] = []
const t = { after: (action: unknown) => void atEnd.push(action as () => unknown) }
const from = await socketPair(t)
const sinks = [await socketPair(t), await socketPair(t)]
// The engine needs some of its own, and keeps them.
const warm = await socketPair(t)
warm.peer.socket.end()
await transfer(warm.socket, [socket(sinks[0]!.socket)], { prefer: 'copy' })

const taken: number[] = []
try {
  for (;;) taken.push(openSync('/dev/null', 'r'))
} catch (error) {
  assert.equal((error as NodeJS.ErrnoException).code, 'EMFILE')
}
const targets = sinks.map(sink => socket(sink.socket))
from.peer.socket.end('every byte')
const { path, why } = await transfer(from.socket, targets)
assert.equal(path, 'copy')
assert.match(why, /no pipes to be had.*EMFILE/)
for (const fd of taken) closeSync(fd)
for (const { peer } of sinks) assert.equal((await peer.take(10)).toString(), 'every byte')
for (const action of atEnd) action()
console.log('as it should be')
