/**
 * The addon whose calls that move bytes do less than they could, as the kernel may: for whatever runs meanwhile, since
 * the calls are replaced in the addon itself. Each of them happens in truth, or not at all.
 */
import { fstatSync } from 'node:fs'
import { constants } from 'node:os'
import type { TestContext } from 'node:test'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'

export interface Fault {
  /** At most so many bytes in one call. */
  readonly bytesMax?: number
  /** The calls, counted from 0, that move nothing and fail with this. */
  readonly errno?: 'EAGAIN' | 'EINTR'
  readonly failing?: (call: number) => boolean
}

export interface FaultyNative {
  /** How many calls there were that move bytes. */
  readonly calls: number
  /** The addon is as before. */
  restore(): void
}

/** By name of the call: which argument says where bytes go, and which says how many, or is the bytes or their list. */
const movers = {
  sendfile: { to: 0, amount: 3 },
  splice: { to: 2, amount: 4 },
  tee: { to: 1, amount: 2 },
  vmsplice: { to: 0, amount: 1 },
  writev: { to: 0, amount: 1 },
  sendViews: { to: 0, amount: 1 },
  sendRange: { to: 0, amount: 3 },
  recv: { to: null, amount: 1 },
  read: { to: null, amount: 1 },
  copyFileRange: { to: 2, amount: 4 },
  sendfileOffload: { to: 0, amount: 3 },
  spliceOffload: { to: null, amount: 3 },
  copyFileRangeOffload: { to: 2, amount: 4 },
} as const satisfies Partial<Record<keyof Native, { to: number | null; amount: number }>>

type Mover = keyof typeof movers
type Call = (...args: unknown[]) => unknown

/** Until restore(), or the end of the test. */
export function makeFaulty(t: Pick<TestContext, 'after'>, fault: Fault): FaultyNative {
  const before = new Map<Mover, Call>()
  const calls = native as unknown as Record<Mover, Call>
  const faulty = {
    calls: 0,
    restore() {
      for (const [name, call] of before) calls[name] = call
    },
  }
  for (const name of Object.keys(movers) as Mover[]) {
    const call = calls[name]
    before.set(name, call)
    calls[name] = (...args) => {
      if (mayFail(name, args, fault) && fault.failing?.(faulty.calls++)) return -constants.errno[fault.errno!]
      if (fault.bytesMax !== undefined) shorten(args, movers[name].amount, fault.bytesMax)
      return call(...args)
    }
  }
  t.after(faulty.restore)
  return faulty
}

/** Regular files never say that it is not the moment; what runs on a thread waits there. */
function mayFail(name: Mover, args: unknown[], { errno }: Fault): boolean {
  if (errno === undefined || name.endsWith('Offload') || name === 'copyFileRange') return false
  const { to } = movers[name]
  return to === null || !fstatSync(args[to] as number).isFile()
}

function shorten(args: unknown[], at: number, bytesMax: number): void {
  const amount = args[at]
  if (typeof amount === 'number') args[at] = Math.min(amount, bytesMax)
  else if (amount instanceof Uint8Array) args[at] = amount.subarray(0, bytesMax)
  else args[at] = firstBytes(amount as Uint8Array[], bytesMax)
}

function firstBytes(views: readonly Uint8Array[], bytesMax: number): Uint8Array[] {
  const first: Uint8Array[] = []
  let left = bytesMax
  for (const view of views) {
    if (left === 0) break
    first.push(view.subarray(0, left))
    left -= Math.min(left, view.length)
  }
  return first
}
