/** Closing in good order. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTo } from 'node:net'
import { folderOf, requestText } from '../http/support.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { eventually, pause } from '../support/eventually.js'
import { begun, onEachEngine, stuckBytes } from './support.js'

/** Longer than any test waits. */
const graceMs = 600_000

onEachEngine(
  'what is being answered is answered, who is idle is closed, who comes is refused',
  async (t, start) => {
    const before = openDescriptors()
    const { server, port, connect } = await start(
      t,
      folderOf(t, { 'big.bin': Buffer.alloc(stuckBytes), 'a.txt': 'a' }),
    )
    const busy = connect({ reading: false })
    busy.peer.socket.write(requestText('/big.bin') + requestText('/a.txt'))
    await begun(busy)
    const idle = connect()
    idle.get('/a.txt')
    await idle.response()
    const closed = server.close({ graceMs })
    assert.equal((await idle.rest()).length, 0)
    const refused = connectTo(port, '127.0.0.1')
    const [error] = await once(refused, 'error')
    assert.equal(error.code, 'ECONNREFUSED')
    assert.equal((await busy.response()).body.length, stuckBytes)
    // The request that came before is answered too, and told that it is the last.
    const { status, headers } = await busy.response()
    assert.deepEqual([status, headers.get('connection')], [200, 'close'])
    assert.equal((await busy.rest()).length, 0)
    busy.peer.socket.destroy()
    idle.peer.socket.destroy()
    assert.equal(await closed, 0)
    await descriptorsBackTo(before)
  },
)

onEachEngine('who takes too long is cut off, and counted', async (t, start) => {
  const { server, connect } = await start(
    t,
    folderOf(t, { 'big.bin': Buffer.alloc(stuckBytes), 'a.txt': 'a' }),
  )
  const clients = [connect({ reading: false }), connect({ reading: false })]
  for (const client of clients) {
    client.get('/big.bin')
    await begun(client)
  }
  const idle = connect()
  idle.get('/a.txt')
  await idle.response()
  assert.equal(await server.close({ graceMs: 100 }), 2)
  assert.equal(server.counters.brokenOff, 2)
  for (const client of clients) assert.ok((await client.rest()).length < stuckBytes)
})

onEachEngine('half a head does not keep a server from closing', async (t, start) => {
  const { server, connect } = await start(t, folderOf(t, {}))
  const client = connect()
  client.peer.socket.write('GET / HT')
  await eventually(
    () => server.counters.connections === 1,
    () => 'nobody came',
  )
  await pause(50)
  assert.equal(await server.close({ graceMs: 100 }), 0)
})

onEachEngine('every call of close() is the same', async (t, start) => {
  const { server } = await start(t, folderOf(t, {}))
  assert.throws(() => server.close({ graceMs: -1 }), { code: 'ERR_SLUICE_OPTION' })
  const first = server.close()
  assert.equal(server.close({ graceMs }), first)
  assert.equal(await first, 0)
})
