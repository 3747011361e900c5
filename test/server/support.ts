/** A file server on each of its engines, and clients that do what clients should not. */
import { type TestContext, test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { createFileServer, type FileServer, type FileServerOptions } from '#sluice/server/index.js'
import { ringMissing } from '../http/servers.js'
import { needsAddon } from '../support/addon.js'
import { RawClient } from '../support/raw-http.js'

export const engines = [
  { engine: 'ring', skip: ringMissing() },
  { engine: 'poll', skip: needsAddon.skip },
] as const

export type Start = (t: TestContext, root: string, options?: Partial<FileServerOptions>) => Promise<Started>

export interface Started {
  readonly server: FileServer
  readonly port: number
  connect(options?: { reading?: boolean }): RawClient
}

/** The same test on each engine. */
export function onEachEngine(name: string, run: (t: TestContext, start: Start) => Promise<void>): void {
  for (const { engine, skip } of engines) {
    test(`${name} [${engine}]`, { skip }, t =>
      run(t, (t, root, options) => start(t, root, { engine, ...options })),
    )
  }
}

async function start(t: TestContext, root: string, options: Partial<FileServerOptions>): Promise<Started> {
  const server = await createFileServer({ root, cacheBytes: 2 * MiB, ...options })
  t.after(() => server.close())
  const { address, port } = server.address
  return {
    server,
    port,
    connect: ({ reading = true } = {}) =>
      new RawClient(t, { address: () => ({ address, port, family: 'IPv4' }) }, { reading }),
  }
}

/** More than the sockets between a server and a client that does not read can hold. */
export const stuckBytes = 64 * MiB
/** More than one buffer that a connection receives into. */
export const longHeadBytes = 12 * KiB

/** Reads the beginning of what comes, and nothing after it. */
export async function begun({ peer }: RawClient): Promise<void> {
  await peer.take(1)
  peer.socket.pause()
}

/** How a connection ended, once it has. */
export function ending({ peer }: RawClient): Promise<'end' | 'reset'> {
  return new Promise(resolve => {
    peer.socket.once('end', () => resolve('end'))
    peer.socket.once('error', () => resolve('reset'))
    peer.socket.once('close', () => resolve('reset'))
    peer.socket.resume()
  })
}
