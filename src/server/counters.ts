/** Hot: what a server has done, counted in memory that every thread of it can read: each thread writes a row of its own. */

export const counterNames = [
  'connections',
  'connectionsClosed',
  'connectionsRefused',
  'requests',
  'bytes',
  'fromMemory',
  'bySendfile',
  'copied',
  'answers2xx',
  'answers3xx',
  'answers4xx',
  'answers5xx',
  'refusedHeads',
  'timeouts',
  'resets',
  'brokenOff',
  'logLinesLost',
] as const
export type CounterName = (typeof counterNames)[number]

export const CONNECTIONS = 0
export const CONNECTIONS_CLOSED = 1
export const CONNECTIONS_REFUSED = 2
export const REQUESTS = 3
/** Bytes that the kernel took for clients, heads included. */
export const BYTES = 4
/** Answers that left memory in one send. */
export const FROM_MEMORY = 5
/** Answers by sendfile. */
export const BY_SENDFILE = 6
/** Bytes that were copied from this process's memory. */
export const COPIED = 7
/** Answers by the first digit of their status: ANSWERS + 2 … ANSWERS + 5. */
export const ANSWERS = 6
export const REFUSED_HEADS = 12
export const TIMEOUTS = 13
export const RESETS = 14
/** Answers that could not be completed. */
export const BROKEN_OFF = 15
/** Lines of the access log that whoever reads it was too slow for, or had gone. */
export const LOG_LINES_LOST = 16

/** One thread's row. Numbers of 53 bits: 2^53 bytes are nine petabytes. */
export type Counters = Float64Array

export type CounterValues = Record<CounterName, number>

export function countersMemory(threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(threads * counterNames.length * Float64Array.BYTES_PER_ELEMENT)
}

export function countersOf(memory: SharedArrayBuffer, thread: number): Counters {
  const row = counterNames.length * Float64Array.BYTES_PER_ELEMENT
  return new Float64Array(memory, thread * row, counterNames.length)
}

/** The sums over all threads. */
export function readCounters(memory: SharedArrayBuffer): CounterValues {
  const all = new Float64Array(memory)
  const sums = {} as CounterValues
  counterNames.forEach((name, index) => {
    let sum = 0
    for (let at = index; at < all.length; at += counterNames.length) sum += all[at]!
    sums[name] = sum
  })
  return sums
}
