/** Requests of each kind, and clients that go away: nothing stays open. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { KiB, MiB } from '#sluice/base/units.js'
import { ask, folderOf, requestText } from '../http/support.js'
import { openDescriptors } from '../support/descriptors.js'
import { eventually } from '../support/eventually.js'
import { onEachEngine } from './support.js'

const files = {
  'index.html': '<h1>top',
  'small.txt': 'small',
  'medium.bin': Buffer.alloc(300 * KiB),
  'large.bin': Buffer.alloc(8 * MiB),
  'x.js': 'x',
  'x.js.gz': 'gz',
  'dir/x.txt': 'x',
}
const kinds: [target: string, question?: Parameters<typeof ask>[2]][] = [
  ['/'],
  ['/small.txt'],
  ['/medium.bin'],
  ['/small.txt', { method: 'HEAD' }],
  ['/medium.bin', { headers: { Range: 'bytes=5-9' } }],
  ['/medium.bin', { headers: { Range: 'bytes=5-9,20-29' } }],
  ['/medium.bin', { headers: { Range: 'bytes=999999-' } }],
  ['/small.txt', { headers: { 'If-None-Match': '*' } }],
  ['/small.txt', { headers: { 'If-Match': '"other"' } }],
  ['/x.js', { headers: { 'Accept-Encoding': 'gzip' } }],
  ['/dir'],
  ['/dir/'],
  ['/nothing'],
  ['/..'],
  ['/small.txt', { method: 'DELETE' }],
  ['*', { method: 'OPTIONS' }],
]

onEachEngine('two hundred requests of each kind leave as many descriptors as one', async (t, start) => {
  const { server, port } = await start(t, folderOf(t, files), { listing: true })
  for (const [target, question] of kinds) await ask(port, target, question)
  await eventually(
    () => server.counters.connections === server.counters.connectionsClosed,
    () => 'a connection stays',
  )
  const before = openDescriptors()
  for (let round = 0; round < 200; round += 10) {
    await Promise.all(kinds.flatMap(kind => Array.from({ length: 10 }, () => ask(port, ...kind))))
  }
  await eventually(
    () => openDescriptors().length <= before.length,
    () => `there were ${before}, now there are ${openDescriptors()}`,
  )
  assert.equal(server.counters.answers5xx, 0)
})

onEachEngine('two hundred clients that go away leave nothing', async (t, start) => {
  const { server, connect } = await start(t, folderOf(t, files))
  const before = openDescriptors()
  for (let round = 0; round < 200; round++) {
    const { socket } = connect({ reading: false }).peer
    await once(socket, 'connect')
    socket.write(requestText('/large.bin') + requestText('/medium.bin'))
    // In every state that a connection may be in.
    if (round % 4 === 0) socket.resetAndDestroy()
    else if (round % 4 === 1) socket.destroy()
    else {
      await once(socket, 'readable')
      if (round % 4 === 2) socket.resetAndDestroy()
      else socket.destroy()
    }
  }
  await eventually(
    () => server.counters.connectionsClosed === 200,
    () => 'connections stay',
  )
  // The file that was asked for is remembered, and open for that.
  await eventually(
    () => openDescriptors().length <= before.length + 1,
    () => `there were ${before}, now there are ${openDescriptors()}`,
  )
  assert.equal(server.counters.connections, 200)
})
