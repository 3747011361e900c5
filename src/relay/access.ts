/**
 * Who may connect: rules in order, of which the first that matches decides. Where none does it is the opposite of the
 * last, so that a list that ends by allowing some refuses all others, and the other way round.
 */
import { BlockList, isIP, isIPv4 } from 'node:net'
import { SluiceError } from '../base/errors.js'
import { show } from '../base/options.js'
import { ipv6Text, ipv6Words } from '../native/socket-address.js'
import type { SocketAddress } from './address.js'
import type { AccessRule } from './options.js'

/** Of ::ffff:0:0/96, which stands for IPv4 (RFC 4291, section 2.5.5.2). */
const mappedBits = 96

/** Rules that say the same, one after the other: in which order they are tried makes no difference. */
interface Run {
  readonly allows: boolean
  /** Apart, as a list takes IPv4 addresses for IPv6 ones too: to some `::/0` would be everybody, to others nobody. */
  readonly ipv4: BlockList
  readonly ipv6: BlockList
  unix: boolean
}

export class AccessList {
  readonly #runs: Run[] = []

  /** @throws ERR_SLUICE_OPTION */
  constructor(rules: readonly AccessRule[]) {
    rules.forEach((rule, index) => {
      const allows = 'allow' in rule
      const [kind, text] = allows ? ['allow', rule.allow] : ['deny', rule.deny]
      addClients(this.#runFor(allows), parseClients(`access[${index}].${kind}`, text))
    })
  }

  allows(client: SocketAddress): boolean {
    for (const run of this.#runs) if (isIn(run, client)) return run.allows
    return !(this.#runs.at(-1)?.allows ?? false)
  }

  #runFor(allows: boolean): Run {
    const last = this.#runs.at(-1)
    if (last?.allows === allows) return last
    const run = { allows, ipv4: new BlockList(), ipv6: new BlockList(), unix: false }
    this.#runs.push(run)
    return run
  }
}

/** Whom a rule is about. */
type Clients =
  | 'all'
  | 'unix'
  | { readonly address: string; readonly bits: number; readonly version: 'ipv4' | 'ipv6' }

/** @throws ERR_SLUICE_OPTION */
export function parseClients(option: string, text: string): Clients {
  if (text === 'all' || text === 'unix') return text
  const [address = '', digits, ...more] = text.split('/')
  const version = address.includes('%') ? 0 : isIP(address)
  const bitsMax = version === 4 ? 32 : 128
  const bits = digits === undefined ? bitsMax : Number(digits)
  const isNumber = digits === undefined || (/^\d{1,3}$/.test(digits) && bits <= bitsMax)
  if (version !== 0 && isNumber && more.length === 0)
    return version === 4 ? { address, bits, version: 'ipv4' } : ipv6Clients(address, bits)
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `${option} must be an address, address/bits, unix or all, not ${show(text)}`,
  )
}

/** IPv4 addresses that are written as IPv6 ones are IPv4 ones, as clients' are. */
function ipv6Clients(address: string, bits: number): Clients {
  const plain = ipv6Text(ipv6Words(address))
  if (bits < mappedBits || !isIPv4(plain)) return { address, bits, version: 'ipv6' }
  return { address: plain, bits: bits - mappedBits, version: 'ipv4' }
}

function addClients(run: Run, clients: Clients): void {
  if (clients === 'unix' || clients === 'all') run.unix = true
  if (clients === 'unix') return
  if (clients === 'all') {
    run.ipv4.addSubnet('0.0.0.0', 0, 'ipv4')
    run.ipv6.addSubnet('::', 0, 'ipv6')
  } else run[clients.version].addSubnet(clients.address, clients.bits, clients.version)
}

function isIn(run: Run, client: SocketAddress): boolean {
  if ('path' in client) return run.unix
  const isMapped = client.address.startsWith('::ffff:')
  const address = isMapped ? ipv6Text(ipv6Words(client.address)) : client.address
  const version = address.includes(':') ? 'ipv6' : 'ipv4'
  return run[version].check(address, version)
}
