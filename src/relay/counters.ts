/** Hot: what a proxy has done, counted in a row of numbers. */

export const proxyCounterNames = [
  'connections',
  'connectionsClosed',
  'denied',
  'badHellos',
  'unrouted',
  'refused',
  'queued',
  'connectsFailed',
  'retries',
  'timeouts',
  'resets',
  'toUpstreamSpliced',
  'toUpstreamCopied',
  'toClientSpliced',
  'toClientCopied',
  'mirroredBytes',
  'mirrorsDropped',
  'mirrorsFailed',
] as const
export type ProxyCounterName = (typeof proxyCounterNames)[number]

export const CONNECTIONS = 0
export const CONNECTIONS_CLOSED = 1
/** Clients that the access rules refuse. */
export const DENIED = 2
/** Clients whose PROXY header or ClientHello was malformed or late. */
export const BAD_HELLOS = 3
/** Clients that asked for a name that leads nowhere. */
export const UNROUTED = 4
/** Clients for whom there was no upstream, or no place in the queue or no turn in time. */
export const REFUSED = 5
/** Clients that had to wait for a place at an upstream. */
export const QUEUED = 6
export const CONNECTS_FAILED = 7
/** Connects to another upstream after one failed. */
export const RETRIES = 8
/** Connections ended by the idle, half-closed or lifetime limits. */
export const TIMEOUTS = 9
export const RESETS = 10
/** Bytes from clients that were spliced, and that were copied through this process. */
export const TO_UPSTREAM_SPLICED = 11
export const TO_UPSTREAM_COPIED = 12
/** Bytes to clients. */
export const TO_CLIENT_SPLICED = 13
export const TO_CLIENT_COPIED = 14
/** Bytes that went to mirrors. */
export const MIRRORED_BYTES = 15
/** Mirrors that were given up, as they were slow or had gone. */
export const MIRRORS_DROPPED = 16
/** Connections that were ended as a mirror that they wait for could not be had, or failed. */
export const MIRRORS_FAILED = 17

/** Numbers of 53 bits: 2^53 bytes are nine petabytes. */
export type ProxyCounterRow = Float64Array

export type ProxyCounters = Record<ProxyCounterName, number>

export function proxyCounterRow(): ProxyCounterRow {
  return new Float64Array(proxyCounterNames.length)
}

export function readProxyCounters(row: ProxyCounterRow): ProxyCounters {
  const values = {} as ProxyCounters
  proxyCounterNames.forEach((name, index) => {
    values[name] = row[index]!
  })
  return values
}
