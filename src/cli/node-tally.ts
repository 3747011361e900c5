/** What a server on node:http has done, in the words of the native one's counters. */
import type { Server } from 'node:http'
import type { SendFileResult } from '../http/exchange.js'
import { type CounterValues, counterNames } from '../server/counters.js'

export class NodeTally {
  readonly counters = Object.fromEntries(counterNames.map(name => [name, 0])) as CounterValues

  watch(server: Server): void {
    server.on('connection', socket => {
      this.counters.connections++
      socket.once('close', () => this.counters.connectionsClosed++)
    })
    server.on('clientError', () => this.counters.refusedHeads++)
  }

  /** Node counts no heads: `bytes` is what the bodies had. */
  add({ status, bytes, path, copied, error }: SendFileResult): void {
    const { counters } = this
    counters.requests++
    counters.bytes += bytes
    counters.copied += copied
    if (path === 'sendfile') counters.bySendfile++
    if (error !== null && status < 500) counters.brokenOff++
    const name = `answers${Math.floor(status / 100)}xx`
    if (name in counters) counters[name as 'answers2xx']++
  }
}
