/** Delivers a file to a peer in the same process, and prints the path and why; `cold` drops it from the page cache first. */
import assert from 'node:assert/strict'
import { MiB } from '#sluice/base/units.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { evict, randomFile } from '../../support/contents.js'
import { socketPair } from '../../support/sockets.js'
import { temporaryFolder } from '../../support/temporary.js'

const atEnd: (() => unknown)[] = []
const ending = { after: (action: unknown) => void atEnd.push(action as () => unknown) }
const { path, bytes } = randomFile(temporaryFolder(ending), 'file.bin', 4 * MiB)
if (process.argv[2] === 'cold') evict(path)
const { socket: sink, peer } = await socketPair(ending)
const result = await transfer(file(path), socket(sink), { prefer: 'sendfile' })
assert.ok((await peer.take(bytes.length)).equals(bytes))
for (const action of atEnd) action()
console.log(`${result.path}: ${result.why}`)
