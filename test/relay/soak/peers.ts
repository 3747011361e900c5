/** The processes behind the proxy in a soak: upstreams that are killed now and then, and mirrors. */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Running, run } from '../../support/command.js'
import { repository } from '../../support/repository.js'
import type { Ending } from '../../support/sockets.js'
import type { SideReport } from './side.js'

const program = join(repository, 'build', 'dev', 'test', 'relay', 'soak', 'upstream-process.js')

export interface PeerOptions {
  readonly seed: number
  readonly kind: 'upstream' | 'mirror'
  /** For how long a mirror takes nothing, each time. */
  readonly stallMs?: number
}

/** A process that listens, and comes back on the same port when it was killed. */
export class SoakPeer {
  /** By connection: what it reported. */
  readonly reports = new Map<number, SideReport>()
  /** Connections that did not begin as every one does. */
  strangers = 0
  /** When it was killed: from when it was asked for until it was over. */
  readonly kills: { beganMs: number; endedMs: number }[] = []
  port = 0
  readonly #options: PeerOptions
  #running: Running | null = null

  constructor(t: Ending, options: PeerOptions) {
    this.#options = options
    t.after(() => this.#running?.stop('SIGKILL'))
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const { seed, kind, stallMs = 0 } = this.#options
    const running = run(process.execPath, [program, ...[seed, this.port, kind, stallMs].map(String)])
    this.#running = running
    const lines = createInterface(running.process.stdout)
    lines.on('line', line => this.#onLine(line))
    this.port = Number((await running.line(/^listening on (\d+)$/m))[1])
  }

  /** Kills it, and starts it anew. */
  async kill(): Promise<void> {
    const kill = { beganMs: Date.now(), endedMs: Number.POSITIVE_INFINITY }
    this.kills.push(kill)
    await this.#running!.stop('SIGKILL')
    kill.endedMs = Date.now()
    await this.start()
  }

  #onLine(line: string): void {
    if (!line.startsWith('{')) return
    const { id, ...report } = JSON.parse(line) as SideReport & { id: number }
    if (id === -1) this.strangers++
    else this.reports.set(id, report)
  }
}
