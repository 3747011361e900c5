/** The other side of the sockets and pipes that are measured: a process of its own, whose CPU time is not ours. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { SluiceError } from '../base/errors.js'
import type { PeerAnswer, PeerRequest } from './peer-requests.js'

const main = fileURLToPath(new URL('./peer-main.js', import.meta.url))
/** Each pipe that is read or written holds a thread of libuv's pool while it has nothing to do. */
const threads = '64'
/** A request takes milliseconds. */
const answerMs = 5_000

export class PeerProcess {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  /** Requests go one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor() {
    this.#child = fork(main, {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, UV_THREADPOOL_SIZE: threads },
    })
    this.#exited = once(this.#child, 'exit').catch(() => {})
    // An answer that does not come says the same.
    this.#child.on('error', () => {})
  }

  /** @throws ERR_SLUICE_PEER_CLOSED where it does not answer, or cannot do what it is asked for */
  async ask(request: PeerRequest): Promise<{ reader: number; port: number }> {
    const answer = this.#last.then(() => this.#ask(request))
    this.#last = answer.catch(() => {})
    const value = await answer
    if ('failed' in value) throw peerError(request, value.failed)
    return { reader: value.reader ?? -1, port: value.port ?? 0 }
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }

  async #ask(request: PeerRequest): Promise<PeerAnswer> {
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(), answerMs)
    const ended = this.#exited.then(() => {
      throw peerError(request, 'it ended')
    })
    try {
      const answer = once(this.#child, 'message', { signal: limit.signal })
      this.#child.send(request, () => {})
      const [value] = (await Promise.race([answer, ended])) as [PeerAnswer]
      return value
    } catch (cause) {
      if (cause instanceof SluiceError) throw cause
      throw peerError(request, `no answer within ${answerMs / 1000} s`, cause)
    } finally {
      clearTimeout(timer)
      limit.abort()
    }
  }
}

function peerError({ ask }: PeerRequest, what: string, cause?: unknown): SluiceError {
  return new SluiceError('ERR_SLUICE_PEER_CLOSED', `The process that was to ${ask}: ${what}`, { cause })
}
