/** The options of a file server, checked once. What goes to its threads is plain data. */
import { SluiceError } from '../base/errors.js'
import { checkInteger, checkOneOf, show } from '../base/options.js'
import { KiB, MiB } from '../base/units.js'
import { resolveStaticOptions, type StaticOptions } from '../http/static-options.js'
import type { ConnectionLimits } from './host.js'

/** Of the options of `serveStatic` those that are no functions: the server's threads share nothing with the program. */
export type SiteOptions = Pick<
  StaticOptions,
  'maxAge' | 'immutable' | 'precompressed' | 'index' | 'dotfiles' | 'symlinks' | 'listing' | 'spa'
> & { cacheControl?: string | false | undefined }

export interface FileServerOptions extends SiteOptions {
  /** The directory to serve. */
  root: string
  /** The address to listen on, or a name that has one; 127.0.0.1 if not given. */
  host?: string | undefined
  /** 0, if not given, lets the kernel choose. */
  port?: number | undefined
  /** Threads that serve, each with connections of its own; 1 if not given. */
  threads?: number | undefined
  /** `ring`: io_uring; `poll`: epoll; `auto`, if not given: the ring where the machine allows it. */
  engine?: 'auto' | 'ring' | 'poll' | undefined
  /** Connections at a time, of each thread; more are closed at once. 16384 if not given. */
  connectionsMax?: number | undefined
  /** Memory for small files and heads, in bytes, of each thread; 64 MiB if not given. */
  cacheBytes?: number | undefined
  /** Files of at most so many bytes are answered from memory; 64 KiB if not given, 0 for none. */
  cachedFileBytes?: number | undefined
  /** How long a request's head may take, from the connection's beginning or its first byte; 10000 if not given. */
  headMs?: number | undefined
  /** How long a connection is kept between two requests; 60000 if not given. */
  idleMs?: number | undefined
  /** How long a client may take nothing of what it is sent; 30000 if not given. */
  stallMs?: number | undefined
  /** Bytes of a request's head at most; 16 KiB if not given. */
  headBytesMax?: number | undefined
  /** Where a line for every answer goes: a descriptor, such as 1. None is written if not given. */
  log?: number | undefined
}

/** What a thread is given. */
export interface ServerSettings {
  readonly root: string
  readonly site: SiteOptions
  readonly engine: 'auto' | 'ring' | 'poll'
  readonly connectionsMax: number
  readonly cacheBytes: number
  readonly cachedFileBytes: number
  readonly headBytesMax: number
  readonly limits: ConnectionLimits
  /** -1 for none. */
  readonly log: number
}

/** How long a connection that this side has ended waits for the peer's end. */
const lingerMs = 2000
/** What a client may have sent ahead, beyond the buffers that it came in. */
const heldBytesMax = 64 * KiB
const dayMs = 24 * 60 * 60 * 1000

/** @throws ERR_SLUICE_OPTION where an option is not of its kind */
export function resolveServerOptions(options: FileServerOptions): ServerSettings {
  const { root, log } = options
  if (typeof root !== 'string' || root === '')
    throw new SluiceError('ERR_SLUICE_OPTION', `root must name a directory, not ${show(root)}`)
  const { maxAge, immutable, precompressed, index, dotfiles, symlinks, listing, spa, cacheControl } = options
  if (typeof cacheControl === 'function')
    throw new SluiceError(
      'ERR_SLUICE_OPTION',
      'cacheControl must be a string: functions do not reach the threads',
    )
  const site = { maxAge, immutable, precompressed, index, dotfiles, symlinks, listing, spa, cacheControl }
  resolveStaticOptions(site)
  const ms = (name: 'headMs' | 'idleMs' | 'stallMs', otherwise: number): number =>
    checkInteger(name, options[name] ?? otherwise, { min: 1, max: dayMs })
  return {
    root,
    site,
    engine: checkOneOf('engine', options.engine ?? 'auto', ['auto', 'ring', 'poll']),
    connectionsMax: checkInteger('connectionsMax', options.connectionsMax ?? 16_384, {
      min: 1,
      max: 1 << 20,
    }),
    cacheBytes: checkInteger('cacheBytes', options.cacheBytes ?? 64 * MiB, {
      min: MiB,
      max: 4096 * MiB - 4096,
    }),
    cachedFileBytes: checkInteger('cachedFileBytes', options.cachedFileBytes ?? 64 * KiB, {
      min: 0,
      max: MiB,
    }),
    headBytesMax: checkInteger('headBytesMax', options.headBytesMax ?? 16 * KiB, { min: 64, max: MiB }),
    limits: {
      headMs: ms('headMs', 10_000),
      idleMs: ms('idleMs', 60_000),
      stallMs: ms('stallMs', 30_000),
      lingerMs,
      heldBytesMax,
    },
    log: log === undefined ? -1 : checkInteger('log', log, { min: 0 }),
  }
}
