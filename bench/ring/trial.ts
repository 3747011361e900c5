/** The trial of descriptors: what it costs to write one, beside the system calls that do the same work one at a time. */
import { KiB } from '#sluice/base/units.js'

/** One piece of work, measured by itself; `sample.ts` knows how each is done. */
export const stepNames = [
  'prepare',
  'prepare + publish',
  'submit',
  'reap',
  'all of it',
  'send',
  'recv + send',
  'socket.write',
] as const
export type StepName = (typeof stepNames)[number]

export interface Step {
  name: StepName
  /** What one of it is, for the table. */
  what: string
}

export interface RingTrial {
  name: string
  title: string
  pace: { repetitions: number; seconds: number; warmupSeconds: number }
  steps: readonly Step[]
  targets: readonly RingTarget[]
}

/** One step must cost at most so many times another. */
export interface RingTarget {
  step: StepName
  atMost: number
  against: StepName
}

/** What is sent, in bytes: so few that the call costs more than the copy, which favours the calls. */
export const messageBytes = 64
/** What is passed on by copying, in bytes. */
export const copiedBytes = 4 * KiB

export const ringTrials: readonly RingTrial[] = [
  {
    name: 'ring',
    title: 'What a descriptor costs, and what a system call',
    pace: { repetitions: 5, seconds: 0.5, warmupSeconds: 0.3 },
    steps: [
      { name: 'prepare', what: 'writing a submission into the ring' },
      { name: 'prepare + publish', what: 'the same, and showing each to the kernel by itself' },
      { name: 'submit', what: 'the kernel takes a no-op and completes it; many with one call' },
      { name: 'reap', what: 'reading a completion and calling its handler' },
      { name: 'all of it', what: `sending ${messageBytes} B through the ring, from preparing to reaping` },
      { name: 'send', what: `send(2) of ${messageBytes} B through the addon` },
      { name: 'recv + send', what: `passing ${copiedBytes / KiB} KiB on by copying it in and out` },
      { name: 'socket.write', what: `Node's socket.write() of ${messageBytes} B, until it has been written` },
    ],
    targets: [{ step: 'prepare + publish', atMost: 0.1, against: 'send' }],
  },
]
