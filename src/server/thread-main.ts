/** Where a thread of a file server begins: it is told what to serve, and then when to end. */
import { parentPort, workerData } from 'node:worker_threads'
import { SluiceError } from '../base/errors.js'
import { native } from '../native/load.js'
import { countersOf } from './counters.js'
import type { ServerSettings } from './options.js'
import { ServerThread } from './thread.js'
import { type ThreadCommand, type ThreadNews, toFailure } from './thread-news.js'

export interface ThreadOrders {
  readonly index: number
  readonly listener: number
  readonly settings: ServerSettings
  readonly counters: SharedArrayBuffer
}

const port = parentPort!
const tell = (news: ThreadNews): void => port.postMessage(news)

try {
  serve(workerData as ThreadOrders)
} catch (error) {
  if (!(error instanceof SluiceError)) throw error
  tell({ kind: 'failed', failure: toFailure(error) })
}

function serve({ index, listener, settings, counters }: ThreadOrders): void {
  const thread = new ServerThread(native!, listener, settings, countersOf(counters, index))
  port.on('message', (command: ThreadCommand) => {
    if (command === 'cut off') return tell({ kind: 'cut off', count: thread.cutOff() })
    thread
      .drain()
      .then(() => thread.close())
      .then(() => port.close())
  })
  thread.begin()
  const { engine, ringMissing } = thread
  tell({ kind: 'listening', engine, ringMissing })
}
