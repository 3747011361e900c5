/** The list of what is measured: which servers, under which load, and what the result must come to. */
import { KiB, MiB } from '#sluice/base/units.js'
import type { Load } from './measure/load.js'
import { bun, bunRoutes } from './peers/bun.js'
import { createReadStreamPeer } from './peers/create-read-stream.js'
import { floor } from './peers/floor.js'
import { nginx } from './peers/nginx.js'
import type { Peer } from './peers/peer.js'
import { sendPeer } from './peers/send.js'
import { sluice } from './peers/sluice.js'

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
}

/** sluice's server CPU must be at most this many times a rival's. Among several rivals it is the cheapest one. */
export interface Target {
  /** The label of the case. */
  case: string
  against: readonly string[]
  atMost: number
}

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
      { case: '100 MiB', against: ['nginx'], atMost: 0.7 },
      { case: '100 MiB', against: ['floor'], atMost: 1.15 },
      { case: '64 KiB', against: ['createReadStream'], atMost: 1 / 3 },
      { case: '64 KiB', against: ['bun', 'bun-routes'], atMost: 1 },
    ],
  },
]
