/** A server that runs out of descriptors, while accepting and while opening: it says so, and recovers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ask, folderOf, requestText } from '../http/support.js'
import { run } from '../support/command.js'
import { eventually } from '../support/eventually.js'
import { engines } from './support.js'

const program = fileURLToPath(new URL('children/serving.js', import.meta.url))
/** Enough to begin with: Node opens many modules at once. */
const descriptorsMax = 160
const launcher = ['sh', '-c', `ulimit -n ${descriptorsMax}; exec "$@"`, 'sh']
/** More than there are descriptors for. */
const clients = 200

for (const { engine, skip } of engines) {
  test(`without descriptors it answers 503, and later as ever [${engine}]`, {
    skip,
  }, async t => {
    const folder = folderOf(t, { 'a.txt': 'a', 'b.txt': 'b' })
    const server = run(process.execPath, [program, folder, engine], { launcher })
    const port = Number((await server.line(/^port (\d+)$/m))[1])
    t.after(() => server.stop('SIGKILL'))
    const sockets: Socket[] = []
    t.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    // The kernel accepts them all; the server takes as many as it has descriptors for.
    for (let i = 0; i < clients; i++) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      sockets.push(socket)
      await once(socket, 'connect')
    }
    const [first] = sockets
    let answers = ''
    first!.on('data', chunk => {
      answers += chunk
    })
    // Until it has taken so many that none is left to open a file with.
    const again = setInterval(() => first!.write(requestText('/a.txt')), 20)
    await eventually(
      () => answers.includes('HTTP/1.1 503'),
      () => `it always had descriptors: ${answers}`,
    )
    clearInterval(again)
    assert.match(answers, /Retry-After: 1\r\n/)
    for (const socket of sockets.splice(0)) socket.destroy()
    const { status, body } = await ask(port, '/b.txt')
    assert.deepEqual([status, body.toString()], [200, 'b'])
    const { code, stderr } = await server.stop()
    assert.deepEqual([code, stderr], [0, ''])
  })
}
