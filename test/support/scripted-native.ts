/** The addon with some results made up: what the kernel may do, but rarely does when one waits for it. */
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'

/** The real addon, except for these calls. */
export function nativeWith(calls: Partial<Native>): Native {
  return { ...native!, ...calls }
}

/** One call of the addon's sendfile. */
export interface SendfileCall {
  readonly offset: number
  readonly count: number
  readonly result: number
}

/**
 * The addon with a sendfile whose results `decide` gives by the number of the call, from 0, and the count asked
 * for: -errno is returned as it is, and so many bytes are really sent otherwise.
 */
export function nativeSendfile(decide: (call: number, count: number) => number): {
  native: Native
  calls: SendfileCall[]
} {
  const calls: SendfileCall[] = []
  const sendfile = (out: number, input: number, offset: number, count: number): number => {
    const allowed = decide(calls.length, count)
    const result = allowed < 0 ? allowed : native!.sendfile(out, input, offset, allowed)
    calls.push({ offset, count, result })
    return result
  }
  return { native: nativeWith({ sendfile }), calls }
}
