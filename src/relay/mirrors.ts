/** The mirrors of connections: a file or a connection for each direction that is duplicated. */
import { performance } from 'node:perf_hooks'
import { SluiceError } from '../base/errors.js'
import type { Engine } from '../engine/engine.js'
import type { Native } from '../native/calls.js'
import { type FileSink, file } from '../transfer/ends/endpoints.js'
import { type OpenedSink, openSink } from '../transfer/ends/file-sink.js'
import { Connector } from './connector.js'
import { MIRRORED_BYTES, MIRRORS_DROPPED, type ProxyCounterRow } from './counters.js'
import { MirrorSocket } from './mirror-socket.js'
import { FileWriter, SocketWriter } from './mirror-writer.js'
import type { Mirror, MirrorEnd } from './mirrored-direction.js'
import { msMax } from './number-options.js'
import type { MirrorSettings } from './options.js'
import { isShortage, noteShortage, shortageMs } from './shortage.js'
import { addressFor, domainOf } from './socket-ends.js'
import type { Upstream } from './upstream.js'
import type { UpstreamGroup, Waiter } from './upstreams.js'

/** How long a connection waits at most for one with a mirror that may be dropped. */
const dropMs = 1000

export interface ConnectionMirrors {
  readonly toUpstream: Mirror | null
  readonly toClient: Mirror | null
}

export const noMirrors: ConnectionMirrors = { toUpstream: null, toClient: null }

/** A client that was accepted, whose connection is to be mirrored. */
interface Client {
  readonly fd: number
}

export class Mirrors {
  readonly #native: Native
  readonly #engine: Engine
  readonly #row: ProxyCounterRow
  /** Connections that were mirrored to a file: the first has the name that was given, others a number behind it. */
  #files = 0
  /** By client: descriptors that stand for those of its mirrors. */
  readonly #reserved = new Map<Client, readonly number[]>()

  constructor(native: Native, engine: Engine, row: ProxyCounterRow) {
    this.#native = native
    this.#engine = engine
    this.#row = row
  }

  /**
   * Keeps descriptors for the mirrors that a client will wait for. Else, where descriptors are short, those that have been
   * accepted would have them all, and none would get what it needs to go on and end.
   */
  reserve(client: Client, settings: MirrorSettings | null): void {
    if (settings?.slow !== 'wait') return
    const fds = Array.from({ length: countOf(settings) }, () => this.#native.dup(client.fd))
    if (fds.some(isShortage)) noteShortage()
    this.#reserved.set(
      client,
      fds.filter(fd => fd >= 0),
    )
  }

  /** → whether there are some that can be had now. Doing so again does nothing. */
  unreserve(client: Client): boolean {
    const fds = this.#reserved.get(client) ?? []
    for (const fd of fds) this.#native.close(fd)
    this.#reserved.delete(client)
    return fds.length > 0
  }

  /**
   * Opens what a connection is mirrored to. One that cannot be had counts as dropped; where it is to be waited for there
   * are none then: null. For descriptors it is waited for `connectMs` at most.
   */
  async open(
    client: Client,
    settings: MirrorSettings,
    group: UpstreamGroup | null,
    connectMs: number,
  ): Promise<ConnectionMirrors | null> {
    const until = performance.now() + Math.min(connectMs, settings.slow === 'drop' ? dropMs : msMax)
    const opened = await Promise.all(this.#openAll(client, settings, group, until))
    const [toUpstream = null, toClient = null] = opened
    if (settings.slow === 'drop' || !opened.includes(null)) return { toUpstream, toClient }
    for (const mirror of opened) mirror?.onEnd({ bytes: 0, why: '' })
    return null
  }

  #openAll(
    client: Client,
    settings: MirrorSettings,
    group: UpstreamGroup | null,
    until: number,
  ): Promise<Mirror | null>[] {
    const { to, slow } = settings
    if (to.kind === 'stream')
      return Array.from({ length: countOf(settings) }, () => this.#connect(client, group!, slow, until))
    this.#files++
    const name = this.#files === 1 ? to.path : `${to.path}.${this.#files}`
    return [name, `${name}.answers`]
      .slice(0, countOf(settings))
      .map(path =>
        slow === 'wait' ? this.#openFile(client, path, until) : Promise.resolve(this.#file(path)),
      )
  }

  /** A file that may be dropped is opened while the connection goes on. */
  #file(path: string): Mirror {
    return this.#mirror(fileFor(path), {
      slow: 'drop',
      writer: noWriter,
      close: () => {},
    })
  }

  async #openFile(client: Client, path: string, until: number): Promise<Mirror | null> {
    let opened: OpenedSink
    try {
      opened = await openEmpty(path)
    } catch (error) {
      const isShort = error instanceof SluiceError && isShortage(error.errno ?? 0)
      if (!isShort || performance.now() >= until) return this.#dropped()
      await new Promise<void>(resolve => this.#whenLessShort(client, resolve))
      return await this.#openFile(client, path, until)
    }
    const { fd, regular, appends, close } = opened
    return this.#mirror(file(fd), {
      slow: 'wait',
      writer: () => new FileWriter(fd, regular && !appends ? 0 : null),
      close: () => void close().catch(() => this.#dropped()),
    })
  }

  /** No client is accepted meanwhile. */
  #whenLessShort(client: Client, callback: () => void): void {
    noteShortage()
    if (this.unreserve(client)) callback()
    else setTimeout(callback, shortageMs)
  }

  #connect(
    client: Client,
    group: UpstreamGroup,
    slow: MirrorSettings['slow'],
    until: number,
  ): Promise<Mirror | null> {
    return new Promise(resolve => {
      const connectTo = (upstream: Upstream): void => {
        const { address } = upstream
        const end = { address: addressFor(this.#native, address), domain: domainOf(this.#native, address) }
        const connector = new Connector(this.#native, this.#engine, end, fd => {
          clearTimeout(timer)
          if (fd >= 0) {
            upstream.connected()
            return resolve(this.#socket(fd, slow, () => upstream.release()))
          }
          if (isShortage(fd) && slow === 'wait' && performance.now() < until)
            return this.#whenLessShort(client, () => connectTo(upstream))
          if (!isShortage(fd)) upstream.failed('it could not be connected to')
          upstream.release()
          resolve(this.#dropped())
        })
        const timer = setTimeout(() => connector.cancel(), Math.max(until - performance.now(), 0))
        connector.begin()
      }
      const waiter: Waiter = {
        client: '',
        tried: [],
        placeFound: connectTo,
        placeRefused: () => resolve(this.#dropped()),
      }
      const picked = group.pick(waiter)
      if (picked === 'no upstream' || picked === 'queue full') waiter.placeRefused('no upstream')
      else if (picked !== 'queued') connectTo(picked)
    })
  }

  #socket(fd: number, slow: MirrorSettings['slow'], closed: () => void): Mirror {
    const socket = new MirrorSocket(this.#native, this.#engine, fd, closed)
    socket.begin()
    return this.#mirror(fd, {
      slow,
      writer: () => new SocketWriter(this.#native, this.#engine, fd),
      close: () => socket.end(),
    })
  }

  #mirror(
    sink: Mirror['sink'],
    { slow, writer, close }: Pick<Mirror, 'slow' | 'writer'> & { close: () => void },
  ): Mirror {
    return {
      sink,
      slow,
      writer,
      onEnd: ({ bytes, why }: MirrorEnd) => {
        this.#row[MIRRORED_BYTES]! += bytes
        if (why !== '') this.#dropped()
        close()
      },
    }
  }

  #dropped(): null {
    this.#row[MIRRORS_DROPPED]! += 1
    return null
  }
}

/** How many mirrors a connection has. */
function countOf({ of }: MirrorSettings): number {
  return of === 'both' ? 2 : 1
}

/** What others said to each other is nobody else's to read. */
function fileFor(name: string): FileSink {
  return file(name, { mode: 0o600 })
}

/** @throws ERR_SLUICE_FILE, ERR_SLUICE_DESCRIPTORS, ERR_SLUICE_SYSCALL */
async function openEmpty(path: string): Promise<OpenedSink> {
  const opened = await openSink(fileFor(path))
  try {
    await opened.empty()
    return opened
  } catch (error) {
    await opened.close().catch(() => {})
    throw error
  }
}

function noWriter(): never {
  throw new Error('a mirror that may be dropped is not copied to')
}
