/** The flags of `sluice proxy` that are options of the proxy; those that were given go before the file's. */
import { type Command, Option } from 'commander'
import { SluiceError } from '../base/errors.js'
import { checkInteger, show } from '../base/options.js'
import { checkClients } from '../relay/access.js'
import { parseTarget } from '../relay/address.js'
import type { ProxyFile } from '../relay/config-file.js'
import { checkNameServer } from '../relay/name-server.js'
import { checkNumbers, type NumberOption, proxyNumbers, upstreamNumbers } from '../relay/number-options.js'
import {
  type AccessRule,
  balances,
  type CheckOptions,
  mirrorOfs,
  mirrorSlows,
  proxyProtocols,
  type UpstreamOptions,
} from '../relay/options.js'
import { mirrorTarget } from '../relay/resolve-mirror.js'
import { parseDuration, showDuration } from './parse-duration.js'

/** By flag: which number it is. */
const timeFlags = {
  'connect-timeout': 'connectMs',
  'hello-timeout': 'helloMs',
  'idle-timeout': 'idleMs',
  'half-closed-timeout': 'halfClosedMs',
  lifetime: 'lifetimeMs',
  'queue-timeout': 'queueMs',
  backoff: 'backoffMs',
  'resolve-interval': 'resolveMs',
} as const
const countFlags = {
  'connections-max': 'connectionsMax',
  'queue-max': 'queueMax',
  'attempts-max': 'attemptsMax',
  'failures-max': 'failuresMax',
} as const
const checkTimeFlags = { 'check-interval': 'intervalMs', 'check-timeout': 'timeoutMs' } as const
const checkCountFlags = { 'check-rise': 'rise', 'check-fall': 'fall' } as const

/** What commander makes of the flags: only what was given is there. */
interface Flags extends Record<string, unknown> {
  listen?: string
  to?: string[]
  backup?: string[]
  upstreamConnectionsMax?: number
  sni?: Record<string, string[]>
  mirror?: string
  mirrorSlow?: (typeof mirrorSlows)[number]
  mirrorOf?: (typeof mirrorOfs)[number]
  access?: AccessRule[]
  nameServer?: string[]
  check?: boolean
}

/** Flags have no defaults of their own: what is not given may be in the file. */
export function addProxyFlags(command: Command): Command {
  const rules: AccessRule[] = []
  const rule = (kind: 'allow' | 'deny') => (text: string) => {
    rules.push(...listed(text).map(clients => asRule(kind, checkClients(`--${kind}`, clients))))
    return rules
  }
  command
    .option('--listen <address>', 'where to listen: host:port, [IPv6]:port, unix:/path', text =>
      checked('--listen', text, 0),
    )
    .option('--to <addresses>', 'where connections go, with commas between; names stand for all their addresses', targets('--to'))
    .option('--backup <addresses>', 'where they go while none of --to is up', targets('--backup'))
    .addOption(new Option('--balance <way>', 'how an upstream is chosen (default: round-robin)').choices(balances))
    .option('--sni <name=addresses>', 'where TLS clients go that ask for the name, or for one below *.name; may be repeated', sni)
    .option('--mirror <target>', 'what gets a duplicate of the bytes: tcp:host:port, unix:/path, file:path', text => {
      mirrorTarget('--mirror', text)
      return text
    })
    .addOption(new Option('--mirror-slow <what>', 'whether a slow mirror is dropped or waited for (default: drop)').choices(mirrorSlows))
    .addOption(new Option('--mirror-of <whose>', "whose bytes: the client's, or both sides' (default: client)").choices(mirrorOfs))
    .addOption(
      new Option('--proxy-protocol <side>', 'PROXY header: expected from clients, sent to upstreams (default: none)').choices(proxyProtocols),
    )
    .option('--proxy-protocol-version <number>', 'the version that is sent, 1 or 2 (default: 1)', text =>
      integer('--proxy-protocol-version', text, { min: 1, max: 2 }),
    )
    .addOption(
      new Option('--allow <clients>', 'who may connect: address, address/bits, unix, all; the first of all --allow and --deny that matches decides').argParser(rule('allow')),
    )
    .addOption(new Option('--deny <clients>', 'who may not').argParser(rule('deny')))
    .option(
      '--upstream-connections-max <number>',
      says(upstreamNumbers.connectionsMax, String),
      text => integer('--upstream-connections-max', text, upstreamNumbers.connectionsMax),
    )
  addNumbers(command, timeFlags, countFlags, proxyNumbers)
  command.option('--check', 'check upstreams by connecting to them (default: not)')
  addNumbers(command, checkTimeFlags, checkCountFlags, checkNumbers)
  return command.option('--name-server <addresses>', "name servers to ask (default: the system's)", text =>
    listed(text).map(server => checkNameServer('--name-server', server)),
  )
}

/** The options that flags and file give together. */
export function optionsFrom(flags: Flags, file: ProxyFile): ProxyFile {
  const { listen, sni, balance, proxyProtocol, proxyProtocolVersion, nameServer } = flags
  const given = {
    listen,
    balance,
    proxyProtocol,
    proxyProtocolVersion,
    nameServers: nameServer,
    upstreams: upstreamsFrom(flags),
    sni: sni && Object.fromEntries(Object.entries(sni).map(([name, list]) => [name, upstreams(list, flags)])),
    mirror: mirrorFrom(flags, file),
    access: rulesFrom(flags),
    check: checkFrom(flags, file),
    ...numbersFrom(flags, { ...timeFlags, ...countFlags }),
  }
  return { ...file, ...(withoutUndefined(given) as ProxyFile) }
}
