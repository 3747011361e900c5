/**
 * A few conversations between sockets of this process, before a proxy has its first: V8 compiles what it has seen run,
 * and throws away what it compiled when it sees something new. A proxy that has seen conversations begin and end
 * is not stopped by that in the middle of its first ones.
 */
import { performance } from 'node:perf_hooks'
import { defaultEngine } from '../engine/default.js'
import type { Native } from '../native/calls.js'
import { native as loaded } from '../native/load.js'
import { noMirrors } from './mirrors.js'
import { type PassageHost, passageHost, smallBytes } from './passage.js'
import { Session } from './session.js'

const rounds = 12
const conversationsInRound = 8
const messagesInConversation = 12
/** Of a conversation's messages; one in a round has such as are spliced. */
const smallMessage = new Uint8Array(256)
const largeMessage = new Uint8Array(4 * smallBytes)
/** How many turns of the loop an answer may take: here it is there after one or two. */
const turnsMax = 50

/** Takes some 50 ms. Where it cannot be done it is not. A pipe stays in the pool, for the first who needs one. */
export async function rehearse(): Promise<void> {
  const engine = defaultEngine()
  if (loaded === null || engine === null) return
  const host = passageHost(loaded, engine)
  for (let round = 0; round < rounds; round++) {
    const conversations = Array.from({ length: conversationsInRound }, (_, index) =>
      Conversation.open(host, index === 0 ? largeMessage : smallMessage),
    )
    await Promise.all(conversations.map(conversation => conversation?.run()))
  }
}

class Conversation {
  readonly #native: Native
  readonly #client: number
  readonly #upstream: number
  readonly #session: Session
  readonly #message: Uint8Array
  #over = false

  /** null where there are no descriptors. */
  static open(host: PassageHost, message: Uint8Array): Conversation | null {
    const [client, upstream] = [socketPair(host.native), socketPair(host.native)]
    if (client !== null && upstream !== null) return new Conversation(host, message, client, upstream)
    for (const fd of [...(client ?? []), ...(upstream ?? [])]) host.native.close(fd)
    return null
  }

  private constructor(host: PassageHost, message: Uint8Array, client: Pair, upstream: Pair) {
    this.#native = host.native
    this.#message = message
    this.#client = client[0]
    this.#upstream = upstream[0]
    const ends = {
      client: client[1],
      upstream: upstream[1],
      clientIsTcp: false,
      upstreamIsTcp: false,
      mirrors: noMirrors,
    }
    this.#session = new Session(host, ends, performance.now(), () => {
      this.#over = true
    })
  }

  async run(): Promise<void> {
    this.#session.begin()
    for (let message = 0; message < messagesInConversation && !this.#over; message++) {
      await this.#say(this.#client, this.#upstream)
      await this.#say(this.#upstream, this.#client)
    }
    this.#native.close(this.#client)
    await this.#until(() => this.#receive(this.#upstream) === 0)
    this.#native.close(this.#upstream)
    await this.#until(() => this.#over)
    this.#session.cut('ended')
  }

  async #say(from: number, to: number): Promise<void> {
    let left = this.#native.send(from, this.#message, this.#native.MSG_DONTWAIT)
    await this.#until(() => {
      left -= Math.max(this.#receive(to), 0)
      return left <= 0
    })
  }

  #receive(fd: number): number {
    return this.#native.recv(fd, discarded, this.#native.MSG_DONTWAIT)
  }

  async #until(done: () => boolean): Promise<void> {
    for (let turn = 0; turn < turnsMax && !done(); turn++) await new Promise(setImmediate)
  }
}

/** Where all of them receive: nobody reads it. */
const discarded = new Uint8Array(largeMessage.length)

type Pair = readonly [number, number]

function socketPair({ socketpair, AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC }: Native): Pair | null {
  const pair = new Int32Array(2)
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, pair) < 0) return null
  return [pair[0]!, pair[1]!]
}
