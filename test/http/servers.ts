/** The servers that answer alike: what a test says of one it says of all of them. */
import { type TestContext, test } from 'node:test'
import type { StaticOptions } from '#sluice/http/index.js'
import { addonMissing, native } from '#sluice/native/load.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'
import { createFileServer } from '#sluice/server/index.js'
import type { SiteOptions } from '#sluice/server/options.js'
import { ask, type Question, serve as serveOnNode } from './support.js'

/** Options that every server takes: those that are no functions. */
export type CommonOptions = SiteOptions & Pick<StaticOptions, 'fallthrough'>

export interface Asking {
  (target: string, question?: Question): ReturnType<typeof ask>
  readonly port: number
}

export type Serve = (t: TestContext, root: string, options?: CommonOptions) => Promise<Asking>

/** Small, so that starting one takes no time. */
const cacheBytes = 1 << 20

const servers: readonly { name: string; serve: Serve; skip: string | false }[] = [
  { name: 'node:http', serve: serveOnNode, skip: false },
  { name: 'ring', serve: serveBy('ring'), skip: ringMissing() },
  { name: 'poll', serve: serveBy('poll'), skip: native === null && `there is no addon: ${addonMissing}` },
]

/** The same test on each of them. */
export function onEveryServer(name: string, run: (t: TestContext, serve: Serve) => Promise<void>): void {
  for (const { name: server, serve, skip } of servers)
    test(`${name} [${server}]`, { skip }, t => run(t, serve))
}

function serveBy(engine: 'ring' | 'poll'): Serve {
  return async (t, root, options = {}) => {
    const server = await createFileServer({ ...options, root, engine, cacheBytes })
    t.after(() => server.close())
    const { port } = server.address
    return Object.assign((target: string, question?: Question) => ask(port, target, question), { port })
  }
}

/** Why there is no ring here, or false. */
export function ringMissing(): string | false {
  try {
    void new ThreadRing({ entries: 1 }).close()
    return false
  } catch (error) {
    return (error as Error).message
  }
}
