/**
 * The addresses of a name, and how long they hold. Name servers say both; the system's own way, which also knows the
 * hosts file, says no time, and is asked where a name is none for name servers or they do not answer.
 */
import { lookup, Resolver } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'

const timeoutMs = 2000
const tries = 2
const addressesMax = 64
const hostsFile = '/etc/hosts'

export interface NameAnswer {
  /** Of one family, in order, each once; empty where there is no answer. IPv6 only where there is no IPv4. */
  readonly addresses: readonly string[]
  /** How long they hold; null where it is not known. */
  readonly ttlMs: number | null
  /** Why there are none; empty where there are. */
  readonly why: string
}

/** The name servers to ask, and no others; empty for those of the system. */
export interface NameResolver {
  readonly resolver: Resolver
  readonly onlyThese: boolean
}

export function resolverFor(nameServers: readonly string[]): NameResolver {
  const resolver = new Resolver({ timeout: timeoutMs, tries })
  if (nameServers.length > 0) resolver.setServers(nameServers)
  return { resolver, onlyThese: nameServers.length > 0 }
}

/** Never rejects. */
export async function resolveName(host: string, { resolver, onlyThese }: NameResolver): Promise<NameAnswer> {
  if (!onlyThese && (isLocalName(host) || (await isInHostsFile(host)))) return await lookUp(host)
  const answer = await ask(host, resolver)
  return answer.addresses.length > 0 || onlyThese ? answer : await lookUp(host)
}

async function ask(host: string, resolver: Resolver): Promise<NameAnswer> {
  try {
    return answerFrom(await resolver.resolve4(host, { ttl: true }))
  } catch {
    // Without IPv4 it is IPv6 that tells what is wrong.
  }
  try {
    return answerFrom(await resolver.resolve6(host, { ttl: true }))
  } catch (error) {
    return noAnswer(error)
  }
}

function answerFrom(records: readonly { address: string; ttl: number }[]): NameAnswer {
  const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1000
  return { addresses: inOrder(records.map(({ address }) => address)), ttlMs, why: '' }
}

async function lookUp(host: string): Promise<NameAnswer> {
  try {
    const all = await lookup(host, { all: true })
    const ipv4 = all.filter(({ family }) => family === 4)
    const addresses = (ipv4.length > 0 ? ipv4 : all).map(({ address }) => address)
    return { addresses: inOrder(addresses), ttlMs: null, why: '' }
  } catch (error) {
    return noAnswer(error)
  }
}

function noAnswer(error: unknown): NameAnswer {
  return { addresses: [], ttlMs: null, why: `${(error as NodeJS.ErrnoException).code ?? error}` }
}

/** Name servers deal out the same addresses in turns: that is no change. */
function inOrder(addresses: readonly string[]): string[] {
  return [...new Set(addresses)].sort().slice(0, addressesMax)
}

/** Names without a dot are of this machine or its network, and the search list of the system completes them. */
function isLocalName(host: string): boolean {
  return !host.includes('.') || host.endsWith('.localhost') || host.endsWith('.local')
}

async function isInHostsFile(host: string): Promise<boolean> {
  const text = await readFile(hostsFile, 'latin1').catch(() => '')
  const wanted = host.toLowerCase()
  return text
    .split('\n')
    .some(line => line.replace(/#.*/, '').toLowerCase().split(/\s+/).slice(1).includes(wanted))
}
