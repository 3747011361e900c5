/** `createFileServer(options)`: a directory over HTTP/1.1 on threads of its own, without Node's streams. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { asyncDispose } from '../base/dispose.js'
import { SluiceError } from '../base/errors.js'
import { checkInteger } from '../base/options.js'
import { Site } from '../http/site.js'
import { resolveStaticOptions } from '../http/static-options.js'
import { addonMissing, native } from '../native/load.js'
import type { InternetAddress } from '../native/socket-address.js'
import { type CounterValues, countersMemory, readCounters } from './counters.js'
import { publishCounters } from './counters-channel.js'
import { openListeners } from './listener.js'
import { type FileServerOptions, resolveServerOptions } from './options.js'
import { sendfileRefusal } from './sendfile-refusal.js'
import type { ThreadOrders } from './thread-main.js'
import { fromFailure, type ThreadCommand, type ThreadNews } from './thread-news.js'

/** A day: more than a timer of Node's takes would be none. */
const graceMsMax = 24 * 60 * 60 * 1000
/** As many as any machine has cores. */
const threadsMax = 1024

/**
 * Serves the files below a directory, as `serveStatic` does, from threads that do nothing else. Listens when this
 * resolves.
 *
 * @throws ERR_SLUICE_OPTION; ERR_SLUICE_LISTEN; ERR_SLUICE_FILE where the root is not a directory that may be entered;
 *   ERR_SLUICE_ADDON; ERR_SLUICE_RING where `engine` is `ring` and the machine does not allow it; ERR_SLUICE_SYSCALL where
 *   sendfile is refused
 */
export async function createFileServer(options: FileServerOptions): Promise<FileServer> {
  const settings = resolveServerOptions(options)
  const threads = checkInteger('threads', options.threads ?? 1, { min: 1, max: threadsMax })
  const port = checkInteger('port', options.port ?? 0, { min: 0, max: 65_535 })
  if (native === null) throw new SluiceError('ERR_SLUICE_ADDON', `Serving files: ${addonMissing}`)
  const refusal = sendfileRefusal(native)
  if (refusal !== null) throw refusal
  // Found wrong here, it is one error, and not one of each thread.
  new Site(settings.root, resolveStaticOptions(settings.site)).close()
  const listeners = await openListeners(native, { host: options.host ?? '127.0.0.1', port, count: threads })
  const counters = countersMemory(threads)
  const workers = listeners.fds.map((listener, index) => {
    const workerData: ThreadOrders = { index, listener, settings, counters }
    return new Worker(new URL('thread-main.js', import.meta.url), { workerData })
  })
  try {
    const begun = await Promise.all(workers.map(begin))
    const engines = begun.find(({ engine }) => engine === 'poll') ?? begun[0]!
    return new FileServer({ ...engines, address: listeners.address, workers, counters })
  } catch (error) {
    await Promise.all(workers.map(worker => worker.terminate()))
    for (const fd of listeners.fds) native.close(fd)
    throw error
  }
}

interface FileServerParts extends Begun {
  address: InternetAddress
  workers: readonly Worker[]
  counters: SharedArrayBuffer
}

export class FileServer {
  /** Where it listens. */
  readonly address: InternetAddress
  /** What its threads run on. */
  readonly engine: 'ring' | 'poll'
  /** Why that is not the ring; empty where it is. */
  readonly engineMissing: string
  readonly threads: number
  readonly #workers: readonly Worker[]
  readonly #counters: SharedArrayBuffer
  readonly #stopPublishing: () => void
  #closed: Promise<number> | null = null

  constructor({ address, engine, ringMissing, workers, counters }: FileServerParts) {
    this.address = address
    this.engine = engine
    this.engineMissing = ringMissing
    this.threads = workers.length
    this.#workers = workers
    this.#counters = counters
    this.#stopPublishing = publishCounters(this)
  }

  /** What all threads have done since the server began. */
  get counters(): CounterValues {
    return readCounters(this.#counters)
  }

  /**
   * Accepts no more connections; those that are idle are closed, and answers are sent to their end for as long as
   * `graceMs`, 0 if not given → how many connections were cut off then. Every call returns the same promise.
   *
   * @throws ERR_SLUICE_OPTION
   */
  close({ graceMs = 0 }: { graceMs?: number } = {}): Promise<number> {
    this.#closed ??= this.#close(checkInteger('graceMs', graceMs, { min: 0, max: graceMsMax }))
    return this.#closed
  }

  async [asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(graceMs: number): Promise<number> {
    let cutOff = 0
    const drained = this.#workers.map(worker => {
      worker.on('message', (told: ThreadNews) => {
        if (told.kind === 'cut off') cutOff += told.count
      })
      return once(worker, 'exit')
    })
    this.#tell('drain')
    const timer = setTimeout(() => this.#tell('cut off'), graceMs)
    await Promise.all(drained)
    clearTimeout(timer)
    this.#stopPublishing()
    return cutOff
  }

  #tell(command: ThreadCommand): void {
    for (const worker of this.#workers) worker.postMessage(command)
  }
}

interface Begun {
  engine: 'ring' | 'poll'
  ringMissing: string
}

/** Resolves when the thread listens. What goes wrong in it later is nobody's to handle: an error event ends the process. */
function begin(worker: Worker): Promise<Begun> {
  return new Promise((resolve, reject) => {
    const onMessage = (told: ThreadNews): void => {
      if (told.kind === 'cut off') return
      worker.off('message', onMessage).off('error', reject).off('exit', onExit)
      if (told.kind === 'listening') resolve(told)
      else reject(fromFailure(told.failure))
    }
    const onExit = (): void => reject(new Error('a thread of the server ended before it began'))
    worker.on('message', onMessage).on('error', reject).on('exit', onExit)
  })
}
