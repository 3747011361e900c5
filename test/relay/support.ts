/** Proxies between listeners and clients that a test has in its hands. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { showAddress } from '#sluice/relay/address.js'
import type { ProxyOptions } from '#sluice/relay/options.js'
import { createProxy } from '#sluice/relay/proxy.js'
import type { TcpProxy } from '#sluice/relay/proxy-types.js'
import type { Ending } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

export type Answer = (socket: Socket) => void

/** A server of a test's own → its address as options write it. */
export async function upstream(t: Ending, answer: Answer, kind: 'TCP' | 'Unix' = 'TCP'): Promise<string> {
  const { address } = await upstreamServer(t, answer, kind)
  return address
}

export async function upstreamServer(
  t: Ending,
  answer: Answer,
  kind: 'TCP' | 'Unix' = 'TCP',
): Promise<{ server: Server; address: string }> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // Resets are what many tests are about.
    socket.on('error', () => {})
    answer(socket)
  })
  if (kind === 'TCP') server.listen(0, '127.0.0.1')
  else server.listen(join(temporaryFolder(t), 'upstream'))
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const at = server.address()!
  return { server, address: typeof at === 'string' ? `unix:${at}` : `127.0.0.1:${at.port}` }
}

export const echo: Answer = socket => socket.pipe(socket)

/** Says a word to whoever connects, and ends. */
export function saying(word: string): Answer {
  return socket => socket.end(word)
}

/** A port on which nobody listens. */
export async function deadAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return `127.0.0.1:${port}`
}

/** Closed when the test is over. */
export async function openProxy(
  t: Ending,
  options: Partial<ProxyOptions> & Pick<ProxyOptions, 'upstreams'>,
): Promise<TcpProxy> {
  const proxy = await createProxy({ listen: '127.0.0.1:0', ...options })
  t.after(() => proxy.close())
  return proxy
}

/** A connection to the proxy, made by now; it stays open when the other side ends. */
export async function dial(t: Ending, proxy: Pick<TcpProxy, 'address'>): Promise<Socket> {
  const socket = beginToDial(t, proxy)
  await once(socket, 'connect')
  return socket
}

/** For who may be reset before Node says that it is connected. */
export function beginToDial(t: Ending, { address }: Pick<TcpProxy, 'address'>): Socket {
  const where = 'path' in address ? { path: address.path } : { host: address.address, port: address.port }
  const socket = connect({ ...where, allowHalfOpen: true })
  t.after(() => socket.destroy())
  socket.on('error', () => {})
  return socket
}

/** All that comes until the other side ends, or the connection breaks. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  await new Promise<void>(resolve => {
    socket.once('end', resolve)
    socket.once('close', () => resolve())
  })
  return Buffer.concat(chunks)
}

/** What a new client of the proxy is sent. */
export async function hear(t: Ending, proxy: Pick<TcpProxy, 'address'>): Promise<string> {
  const socket = await dial(t, proxy)
  const heard = String(await readAll(socket))
  socket.destroy()
  return heard
}

export function at(proxy: Pick<TcpProxy, 'address'>): string {
  return showAddress(proxy.address)
}
