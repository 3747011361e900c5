/** The flags of `sluice proxy` that are options of the proxy; what is given by flag goes before what the file says. */
import type { Command } from 'commander'
import { SluiceError } from '../base/errors.js'
import { checkOneOf, show } from '../base/options.js'
import { parseClients } from '../relay/access.js'
import { parseTarget } from '../relay/address.js'
import type { ProxyFile } from '../relay/config-file.js'
import { checkRouteName } from '../relay/name-routes.js'
import { checkNameServer } from '../relay/name-server.js'
import { upstreamNumbers } from '../relay/number-options.js'
import {
  balances,
  type CheckOptions,
  type MirrorOptions,
  mirrorOfs,
  mirrorSlows,
  type ProxyOptions,
  proxyProtocols,
  type UpstreamOptions,
} from '../relay/options.js'
import { mirrorTarget } from '../relay/resolve-mirror.js'
import { noProxyFlags, type ProxyFlags } from './proxy-flag-values.js'
import { addNumberFlags, numberText, parseCount } from './proxy-number-flags.js'

/** Adds the flags to a command → where they are put as they are read. */
export function addProxyFlags(command: Command): ProxyFlags {
  const flags = noProxyFlags()
  const { options, mirror } = flags
  command
    .option('--listen <address>', 'where to listen: host:port, [IPv6]:port or unix:/path', text => {
      options.listen = checkedTarget('--listen', text, 0)
    })
    .option(
      '--to <addresses>',
      'where connections go, with commas between; a name stands for all its addresses',
      text => {
        flags.to.push(...targets('--to', text))
      },
    )
    .option('--backup <addresses>', 'where they go while none of --to is up', text => {
      flags.backup.push(...targets('--backup', text))
    })
    .option('--balance <way>', `${balances.join(', ')} (default: ${balances[0]})`, text => {
      options.balance = checkOneOf('--balance', text, balances)
    })
    .option(
      '--sni <name=addresses>',
      'where TLS clients go that ask for this name, or for one below *.name',
      text => {
        const [name, list] = named(text)
        flags.sni.set(name, [...(flags.sni.get(name) ?? []), ...list])
      },
    )
    .option(
      '--mirror <target>',
      'what gets a duplicate of the bytes: tcp:host:port, unix:/path or file:path',
      text => {
        mirrorTarget('--mirror', text)
        mirror.to = text
      },
    )
    .option('--mirror-slow <what>', 'drop a slow mirror, or wait for it (default: drop)', text => {
      mirror.slow = checkOneOf('--mirror-slow', text, mirrorSlows)
    })
    .option(
      '--mirror-of <whose>',
      "client: the client's bytes; both: the upstream's too (default: client)",
      text => {
        mirror.of = checkOneOf('--mirror-of', text, mirrorOfs)
      },
    )
    .option(
      '--proxy-protocol <side>',
      'PROXY header: in: from clients, out: to upstreams, both (default: none)',
      text => {
        options.proxyProtocol = checkOneOf('--proxy-protocol', text, proxyProtocols)
      },
    )
    .option('--proxy-protocol-version <number>', 'which is sent: 1 or 2 (default: 1)', text => {
      options.proxyProtocolVersion = checkOneOf('--proxy-protocol-version', text, ['1', '2']) === '1' ? 1 : 2
    })
    .option(
      '--allow <clients>',
      'who may connect: address, address/bits, unix or all; of --allow and --deny the first that matches decides',
      text => {
        flags.access.push(...clients('--allow', text).map(allow => ({ allow })))
      },
    )
    .option('--deny <clients>', 'who may not', text => {
      flags.access.push(...clients('--deny', text).map(deny => ({ deny })))
    })
    .option('--upstream-connections-max <number>', numberText(upstreamNumbers.connectionsMax), text => {
      flags.upstreamConnectionsMax = parseCount(
        '--upstream-connections-max',
        text,
        upstreamNumbers.connectionsMax,
      )
    })
    .option('--check', 'check upstreams by connecting to them (default: not)', () => {
      flags.checks = true
    })
    .option('--name-server <addresses>', "name servers to ask (default: the system's)", text => {
      options.nameServers = listed(text).map(server => checkNameServer('--name-server', server))
    })
  addNumberFlags(command, flags)
  return flags
}

/** What flags and file give together. */
export function optionsFrom(flags: ProxyFlags, file: ProxyFile): ProxyOptions {
  const { options, to, backup, sni, access, mirror, check, checks } = flags
  const given: ProxyFile = { ...file, ...options }
  if (to.length + backup.length > 0) given.upstreams = upstreams(flags, to, backup)
  if (sni.size > 0) {
    given.sni = Object.fromEntries([...sni].map(([name, list]) => [name, upstreams(flags, list, [])]))
  }
  if (access.length > 0) given.access = access
  if (Object.keys(mirror).length > 0) given.mirror = { ...mirrorOf(file), ...mirror } as MirrorOptions
  if (checks || Object.keys(check).length > 0) given.check = { ...checkOf(file), ...check }
  if (given.listen === undefined) throw missing('--listen')
  if (given.upstreams === undefined && given.sni === undefined) throw missing('--to or --sni')
  if (given.mirror !== undefined && mirrorOf(given).to === undefined) throw missing('--mirror')
  return given as ProxyOptions
}

function mirrorOf({ mirror }: ProxyFile): Partial<MirrorOptions> {
  return typeof mirror === 'string' ? { to: mirror } : (mirror ?? {})
}

function checkOf({ check }: ProxyFile): CheckOptions {
  return typeof check === 'object' ? check : {}
}

function upstreams(
  { upstreamConnectionsMax: connectionsMax }: ProxyFlags,
  to: readonly string[],
  backup: readonly string[],
): UpstreamOptions[] {
  return [
    ...to.map(address => ({ address, connectionsMax })),
    ...backup.map(address => ({ address, connectionsMax, backup: true })),
  ]
}

function missing(flag: string): SluiceError {
  return new SluiceError('ERR_SLUICE_OPTION', `${flag} is missing, and no --config has it`, {
    remedy: 'sluice proxy --help tells what there is.',
  })
}

function checkedTarget(flag: string, text: string, portMin: 0 | 1): string {
  parseTarget(flag, text, { portMin })
  return text
}

function targets(flag: string, text: string): string[] {
  return listed(text).map(target => checkedTarget(flag, target, 1))
}

function clients(flag: string, text: string): string[] {
  const all = listed(text)
  for (const client of all) parseClients(flag, client)
  return all
}

function named(text: string): [string, string[]] {
  const [, name, list] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name !== undefined && list !== undefined) return [checkRouteName('--sni', name), targets('--sni', list)]
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `--sni must be name=host:port, as in www.example.org=127.0.0.1:8443, not ${show(text)}`,
  )
}

function listed(text: string): string[] {
  return text.split(',').map(part => part.trim())
}
