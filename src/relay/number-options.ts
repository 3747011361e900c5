/** Options that are one number: their limits, what they are if not given, and what they mean, told in one place. */
import { checkInteger } from '../base/options.js'
import type { Given } from './checks.js'

/** What a timer of Node holds. */
export const msMax = 2 ** 31 - 1

export interface NumberOption {
  readonly min: number
  readonly max: number
  readonly otherwise: number
  /** A clause: what it limits. */
  readonly says: string
}

function time(otherwise: number, says: string, min: 0 | 1 = 1): NumberOption {
  return { min, max: msMax, otherwise, says }
}

/** Where `min` is 0 the value 0 is none. Times are in milliseconds. */
export const proxyNumbers = {
  connectMs: time(5000, 'to connect to an upstream'),
  helloMs: time(5000, 'for the PROXY header and the ClientHello, where they are looked for'),
  idleMs: time(600_000, 'for how long nothing may move in either direction; 0 for ever', 0),
  halfClosedMs: time(60_000, 'the same once one side has ended; 0 for ever', 0),
  lifetimeMs: time(0, 'for a whole connection; 0 for ever', 0),
  connectionsMax: {
    min: 1,
    max: 1 << 20,
    otherwise: 16_384,
    says: "connections at a time; more wait in the kernel's backlog",
  },
  queueMax: {
    min: 0,
    max: 1 << 20,
    otherwise: 1024,
    says: 'clients that may wait for a place at an upstream, for each list of them',
  },
  queueMs: time(5000, 'for how long they may wait'),
  attemptsMax: {
    min: 1,
    max: 100,
    otherwise: 3,
    says: 'connects for one client at most, to another upstream each where there is one',
  },
  failuresMax: {
    min: 0,
    max: 1000,
    otherwise: 3,
    says: 'connects in a row that must fail for an upstream to be down; 0 if they do not count',
  },
  backoffMs: time(
    1000,
    'how long an upstream is down before a client tries it again; doubled after each trial in vain, up to 30 s',
  ),
  resolveMs: time(30_000, 'how often names are resolved whose time to live is not known'),
} as const satisfies Record<string, NumberOption>

export const upstreamNumbers = {
  weight: { min: 1, max: 256, otherwise: 1, says: "its share of the connections beside the others'" },
  connectionsMax: {
    min: 0,
    max: 1 << 20,
    otherwise: 0,
    says: 'connections to it at a time, for each address of a name; 0 for no limit',
  },
} as const satisfies Record<string, NumberOption>

export const checkNumbers = {
  intervalMs: time(2000, 'from one check to the next'),
  timeoutMs: time(1000, 'to connect'),
  rise: { min: 1, max: 1000, otherwise: 2, says: 'checks in a row that must succeed for it to be up again' },
  fall: { min: 1, max: 1000, otherwise: 3, says: 'checks in a row that must fail for it to be down' },
} as const satisfies Record<string, NumberOption>

/**
 * All numbers of a table, of an object's or as they are if not given. `place` goes before the names in messages.
 *
 * @throws ERR_SLUICE_OPTION
 */
export function resolveNumbers<Name extends string>(
  table: Record<Name, NumberOption>,
  given: Given,
  place = '',
): Record<Name, number> {
  const values = {} as Record<Name, number>
  for (const name of Object.keys(table) as Name[]) {
    const { min, max, otherwise } = table[name]
    const { [name]: value = otherwise } = given
    values[name] = checkInteger(place + name, value, { min, max })
  }
  return values
}

/** For what 0 means that there is no limit. */
export function limitOf(value: number): number {
  return value === 0 ? Number.POSITIVE_INFINITY : value
}
