/** The trial of streams: transfers beside what one writes with Node's streams to the same end. */
import { KiB, MiB } from '#sluice/base/units.js'
import type { Traffic } from '../relay/traffic.js'

/** Who moves the bytes. */
export const movers = ['sluice', 'streams'] as const
export type Mover = (typeof movers)[number]

export interface StreamTrial {
  name: string
  title: string
  pace: { repetitions: number; seconds: number; warmupSeconds: number }
  jobs: readonly StreamJob[]
}

/** `servers.ts` knows how each mover does it. */
export interface StreamJob {
  /** As the table shows it and `--cases` takes it. */
  label: JobLabel
  /** What each writes, for the reader of the result. */
  setup: Readonly<Record<Mover, string>>
  /** What has the server do it. */
  traffic: Traffic
  /** Bytes that are moved for a message of the traffic; without it those of the traffic itself count. */
  bytesPerMessage?: number
  /** What is counted. */
  unit: { name: string; bytes: number }
  target: StreamTarget
}

/** sluice's figure must be at most, or at least, so many times that of the streams. */
export interface StreamTarget {
  metric: 'cpu' | 'rate'
  bound: 'most' | 'least'
  limit: number
}

export type JobLabel =
  | 'socket → socket'
  | 'socket → file'
  | 'socket → file in place'
  | 'file → file'
  | '1 KiB messages'

/** Of each file that is written. */
export const fileBytes = 64 * MiB
export const messageBytes = 1 * KiB

const gigabyte = { name: 'GB', bytes: 1e9 }

export const streamTrials: readonly StreamTrial[] = [
  {
    name: 'streams',
    title: 'Transfers beside the streams of Node that they replace',
    pace: { repetitions: 5, seconds: 1, warmupSeconds: 0.5 },
    jobs: [
      {
        label: 'socket → socket',
        setup: { sluice: 'transfer(a, b)', streams: 'a.pipe(b)' },
        traffic: { kind: 'send', connections: 1 },
        unit: gigabyte,
        target: { metric: 'cpu', bound: 'most', limit: 1 / 3 },
      },
      {
        label: 'socket → file',
        setup: { sluice: 'transfer(a, file(name))', streams: 'pipeline(a, createWriteStream(name))' },
        traffic: { kind: 'send', connections: 1, stream: fileBytes },
        unit: gigabyte,
        target: { metric: 'cpu', bound: 'most', limit: 1 / 2 },
      },
      {
        label: 'socket → file in place',
        setup: {
          sluice: "transfer(a, file(name, { flags: 'r+' }))",
          streams: "pipeline(a, createWriteStream(name, { flags: 'r+' }))",
        },
        traffic: { kind: 'send', connections: 1, stream: fileBytes },
        unit: gigabyte,
        target: { metric: 'cpu', bound: 'most', limit: 1 / 2 },
      },
      {
        label: 'file → file',
        setup: {
          sluice: 'transfer(file(a), file(b))',
          streams: 'pipeline(createReadStream(a), createWriteStream(b))',
        },
        traffic: { kind: 'exchange', connections: 1 },
        bytesPerMessage: fileBytes,
        unit: gigabyte,
        target: { metric: 'cpu', bound: 'most', limit: 1 / 2 },
      },
      {
        label: '1 KiB messages',
        setup: { sluice: 'transfer(lease, a)', streams: 'a.write(buffer)' },
        traffic: { kind: 'receive', connections: 1 },
        unit: { name: 'million', bytes: 1e6 * messageBytes },
        target: { metric: 'rate', bound: 'least', limit: 2 },
      },
    ],
  },
]
