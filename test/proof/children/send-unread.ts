/** Sends so many bytes of memory, or a file, by a path to a peer that reads only when all of them were taken. */
import { Region } from '#sluice/memory/region.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { memory } from '#sluice/transfer/ends/memory-source.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { handedOver, unreadPeer } from '../unread-peer.js'

const [path, bytes, name] = process.argv.slice(2)
const length = Number(bytes)
const endings: (() => unknown)[] = []
const { socket: near, take } = await unreadPeer({ after: end => void endings.push(end as () => unknown) })
const { onProgress, all } = handedOver(length)
const from = name === undefined ? memory(new Region({ bytes: length }), { stable: true }) : file(name)
const sent = transfer(from, socket(near), { prefer: path as PathName, onProgress })
await all
const received = await take(length)
console.log(`received ${received.length} by ${(await sent).path}`)
for (const end of endings) end()
