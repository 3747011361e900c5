/** Connections by listeners that last for all tests: there are thousands of connections. */
import type { Server } from 'node:net'
import { after } from 'node:test'
import { connectTo, type Ending, listener, type SocketKind, type SocketPair } from '../support/sockets.js'

const listeners = new Map<SocketKind, Promise<Server>>()
const ending: (() => unknown)[] = []
// Here and not where a listener is opened, which is within a test.
after(() => {
  for (const end of ending) end()
})

/** A connection of the test's own. */
export async function connected(t: Ending, kind: SocketKind, reading: boolean): Promise<SocketPair> {
  const server =
    listeners.get(kind) ?? listener({ after: (end: unknown) => void ending.push(end as () => unknown) }, kind)
  listeners.set(kind, server)
  const pair = await connectTo(t, await server, { reading })
  t.after(() => pair.socket.destroy())
  return pair
}
