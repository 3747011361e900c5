/** The list of what is measured: which servers, under which load, and what the result must come to. */
import { showBytes } from '#sluice/base/figures.js'
import { KiB, MiB } from '#sluice/base/units.js'
import { experiments } from '#sluice/measure/experiments.js'
import type { PairName } from '#sluice/transfer/plan/costs.js'
import type { Load } from './measure/load.js'
import { bun, bunRoutes } from './peers/bun.js'
import { createReadStreamPeer } from './peers/create-read-stream.js'
import { floor } from './peers/floor.js'
import { floorRing } from './peers/floor-ring.js'
import { nginx } from './peers/nginx.js'
import { nodeHttp } from './peers/node-http.js'
import type { Peer } from './peers/peer.js'
import { sendPeer } from './peers/send.js'
import { sluice, sluiceTwo } from './peers/sluice.js'

export interface Trial {
  /** As the command line takes it. */
  name: string
  title: string
  cases: readonly Case[]
  peers: readonly Peer[]
  targets: readonly Target[]
}

/** One load on one file; a case is a table of its own. */
export interface Case {
  /** As the tables show it and `--sizes` takes it. */
  label: string
  fileBytes: number
  load: Omit<Load, 'path' | 'length'>
  /** Requests come on a schedule: at this share of what one of the servers answered in an earlier case. */
  rateOf?: { case: string; peer: string; share: number }
  /** By name; all of the trial's where not given. */
  peers?: readonly string[]
  /** How many of each server in a repetition, by turns; 1 where not given. */
  samples?: number
}

/** A figure must be at most this many times a rival's. Among several rivals it is the one with the lowest. */
export interface Target {
  /** Whose figure; sluice's where not given. */
  of?: string
  /** Server CPU where not given; `p99`: the latency that 99 of 100 requests stay below. */
  metric?: 'cpu' | 'p99'
  /** The label of the case. */
  case: string
  against: readonly string[]
  atMost: number
}

/** Every path between pairs of ends, and which of them the planner picks by a table measured in the same run. */
export interface PathTrial {
  name: string
  title: string
  pairs: readonly PairName[]
  /** How much is moved in one transfer; each a case of its own. */
  cases: readonly { label: string; bytes: number }[]
  /** What the path that is picked costs must be at most this many times what the best one does. */
  atMost: number
  /** Usual repetitions and seconds, as the command line takes them. */
  pace: { repetitions: number; seconds: number; warmupSeconds: number }
}

export const pathTrials: readonly PathTrial[] = [
  {
    name: 'paths',
    title: 'Every path between every pair of ends, and what the planner picks',
    pairs: experiments.map(({ pair }) => pair),
    cases: [256, 4 * KiB, 64 * KiB, MiB, 64 * MiB].map(bytes => ({ label: showBytes(bytes), bytes })),
    atMost: 1.1,
    pace: { repetitions: 5, seconds: 5, warmupSeconds: 2 },
  },
]

export const trials: readonly Trial[] = [
  {
    name: 'http-file',
    title: 'Files over HTTP/1.1 on kept-alive connections, from the page cache, over loopback',
    // Enough connections that a server never waits for the load; one large download is enough on its own.
    cases: [
      { label: '64 KiB', fileBytes: 64 * KiB, load: { connections: 16 } },
      { label: '1 MiB', fileBytes: MiB, load: { connections: 8 } },
      { label: '100 MiB', fileBytes: 100 * MiB, load: { connections: 1 } },
    ],
    peers: [sluice, createReadStreamPeer, sendPeer, nginx, bun, bunRoutes, floor],
    targets: [
      { case: '100 MiB', against: ['createReadStream'], atMost: 1 / 6 },
      { case: '100 MiB', against: ['nginx'], atMost: 0.6 },
      { case: '64 KiB', against: ['createReadStream'], atMost: 1 / 3 },
      { case: '64 KiB', against: ['nginx', 'bun', 'bun-routes'], atMost: 0.8 },
      { case: '1 MiB', against: ['nginx'], atMost: 0.6 },
      { case: '1 MiB', against: ['bun', 'bun-routes', 'floor'], atMost: 1.05 },
      { case: '100 MiB', against: ['bun', 'bun-routes', 'floor'], atMost: 1.05 },
    ],
  },
  {
    name: 'http-small',
    title: 'A small file over HTTP/1.1 on kept-alive connections, from memory, over loopback',
    cases: [
      { label: '1 KiB', fileBytes: KiB, load: { connections: 64 } },
      {
        label: '1 KiB at half of what nginx can',
        fileBytes: KiB,
        load: { connections: 64 },
        rateOf: { case: '1 KiB', peer: 'nginx', share: 0.5 },
        // A pause of the machine's in one second is its p99: what the floor has is no server's doing.
        peers: ['sluice', 'nginx', 'floor-ring'],
        samples: 3,
      },
    ],
    peers: [sluice, sluiceTwo, nodeHttp, nginx, bun, bunRoutes, floorRing],
    targets: [
      { case: '1 KiB', against: ['nginx'], atMost: 0.6 },
      { case: '1 KiB', against: ['bun-routes'], atMost: 0.9 },
      { case: '1 KiB', against: ['node:http'], atMost: 0.4 },
      { case: '1 KiB', against: ['floor-ring'], atMost: 1.15 },
      // Where a request costs no more than this on two cores, they serve 1.7 times as many as one.
      { case: '1 KiB', of: 'sluice-2', against: ['sluice'], atMost: 2 / 1.7 },
      { case: '1 KiB at half of what nginx can', metric: 'p99', against: ['nginx'], atMost: 1 },
    ],
  },
]
