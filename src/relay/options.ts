/** The options of `createProxy`, as a program or a configuration file gives them. */
import type { Target } from './address.js'
import type { ConnectionEnd } from './connection-end.js'
import { proxyNumbers } from './number-options.js'

export const balances = ['round-robin', 'least-connections', 'source-hash'] as const
export type Balance = (typeof balances)[number]

export const proxyProtocols = ['none', 'in', 'out', 'both'] as const
export const mirrorSlows = ['wait', 'drop'] as const
export const mirrorOfs = ['client', 'both'] as const

export interface UpstreamOptions {
  /** `host:port`, `[IPv6]:port` or `unix:/path`. A name stands for all of its addresses. */
  address: string
  /** Its share of the connections beside the others'; 1 if not given. */
  weight?: number | undefined
  /** Used only while no other is up. */
  backup?: boolean | undefined
  /** Connections to it at a time, for each address of a name; 0, if not given, for no limit. */
  connectionsMax?: number | undefined
}

export type UpstreamList = readonly (string | UpstreamOptions)[]

export interface MirrorOptions {
  /** `tcp:host:port`, `unix:/path` or `file:path`. */
  to: string
  /** A mirror that is slow is dropped (`drop`, if not given), or the connection waits for it (`wait`). */
  slow?: (typeof mirrorSlows)[number] | undefined
  /** What is duplicated: the client's bytes (`client`, if not given), or both directions'. */
  of?: (typeof mirrorOfs)[number] | undefined
}

export interface CheckOptions {
  /** From one check to the next, in milliseconds; 2000 if not given. */
  intervalMs?: number | undefined
  /** 1000 if not given. */
  timeoutMs?: number | undefined
  /** Checks in a row that must succeed for an upstream to be up again; 2 if not given. */
  rise?: number | undefined
  /** Checks in a row that must fail for it to be down; 3 if not given. */
  fall?: number | undefined
}

/** One rule: an address, `address/bits`, `unix` for clients of a Unix socket, or `all`. */
export type AccessRule = { readonly allow: string } | { readonly deny: string }

/** Times are in milliseconds. Where 0 is allowed for a limit or a time, it is none. */
export interface ProxyOptions {
  /** `host:port`, `[IPv6]:port` or `unix:/path`; port 0 lets the kernel choose. */
  listen: string
  /** Where connections go that no name in `sni` claims; may be left out only where there is `sni`. */
  upstreams?: UpstreamList | undefined
  /** `round-robin` if not given. */
  balance?: Balance | undefined
  /** By the name that a TLS client asks for, such as `a.example.org` or `*.example.org`: where it goes. */
  sni?: Readonly<Record<string, UpstreamList>> | undefined
  mirror?: string | MirrorOptions | undefined
  /** PROXY protocol: expected from clients (`in`), sent to upstreams (`out`), both, or none, if not given. */
  proxyProtocol?: (typeof proxyProtocols)[number] | undefined
  /** The version that is sent; 1 if not given. Both are understood. */
  proxyProtocolVersion?: 1 | 2 | undefined
  /** The first rule that matches a client decides; where none does, the opposite of the last. */
  access?: readonly AccessRule[] | undefined
  /** To connect to an upstream; 5000 if not given. */
  connectMs?: number | undefined
  /** For what a client must send before it is known where it goes: PROXY header, ClientHello; 5000 if not given. */
  helloMs?: number | undefined
  /** For how long nothing may move in either direction; 600000 if not given. */
  idleMs?: number | undefined
  /** The same once one side has ended; 60000 if not given. */
  halfClosedMs?: number | undefined
  /** For a whole connection; 0 if not given. */
  lifetimeMs?: number | undefined
  /** Connections at a time; more wait in the kernel's backlog. 16384 if not given. */
  connectionsMax?: number | undefined
  /** Clients that may wait for a place at an upstream, for each list of upstreams; 1024 if not given. */
  queueMax?: number | undefined
  /** How long they may wait; 5000 if not given. */
  queueMs?: number | undefined
  /** Upstreams tried for a client at most, where connecting fails; 3 if not given. */
  attemptsMax?: number | undefined
  /** Connects in a row that must fail for an upstream to be down; 3 if not given, 0 for never. */
  failuresMax?: number | undefined
  /** For how long it is down then before a client tries it again; doubles up to 30 s. 1000 if not given. */
  backoffMs?: number | undefined
  /** Whether upstreams are checked by connecting to them; not if not given. */
  check?: boolean | CheckOptions | undefined
  /** How often names are resolved whose time to live is not known; 30000 if not given. */
  resolveMs?: number | undefined
  /** Name servers, as `address` or `address:port`; those of the system if not given. */
  nameServers?: readonly string[] | undefined
  /** Called when a connection is over. */
  onEnd?: ((connection: ConnectionEnd) => void) | undefined
}

/** What a configuration file may have: the options that are no functions, and where their schema is. */
export const proxyFileNames = [
  '$schema',
  'listen',
  'upstreams',
  'balance',
  'sni',
  'mirror',
  'proxyProtocol',
  'proxyProtocolVersion',
  'access',
  'check',
  'nameServers',
  ...Object.keys(proxyNumbers),
]
export const proxyOptionNames = [...proxyFileNames, 'onEnd']

export interface UpstreamSettings {
  readonly target: Target
  readonly weight: number
  readonly backup: boolean
  /** Infinity where there is no limit. */
  readonly connectionsMax: number
}

export interface MirrorSettings {
  readonly to:
    | { readonly kind: 'stream'; readonly target: Target }
    | { readonly kind: 'file'; readonly path: string }
  readonly slow: (typeof mirrorSlows)[number]
  readonly of: (typeof mirrorOfs)[number]
}

export interface CheckSettings {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly rise: number
  readonly fall: number
  /** The version of the PROXY header that upstreams expect; 0 for none. */
  readonly proxyOut: 0 | 1 | 2
}

/** A list of upstreams, and how a client's is chosen. */
export interface GroupSettings {
  readonly upstreams: readonly UpstreamSettings[]
  readonly balance: Balance
  readonly queueMax: number
  readonly queueMs: number
  readonly failuresMax: number
  readonly backoffMs: number
  readonly connectMs: number
  readonly check: CheckSettings | null
}

/** The options, checked and resolved. Times and limits that are none are Infinity. */
export interface ProxySettings {
  readonly listen: Target
  /** Null where connections that no name claims are refused. */
  readonly fallback: GroupSettings | null
  readonly sni: ReadonlyMap<string, GroupSettings>
  readonly mirror: MirrorSettings | null
  readonly proxyIn: boolean
  /** The version to send; 0 for none. */
  readonly proxyOut: 0 | 1 | 2
  readonly access: readonly AccessRule[]
  readonly connectMs: number
  readonly helloMs: number
  readonly idleMs: number
  readonly halfClosedMs: number
  readonly lifetimeMs: number
  readonly connectionsMax: number
  readonly attemptsMax: number
  readonly resolveMs: number
  readonly nameServers: readonly string[]
  readonly onEnd: ProxyOptions['onEnd']
}
