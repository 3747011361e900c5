/** One error of a manual page, and what comes of it. */
import { closeSync, openSync } from 'node:fs'
import type { TestContext } from 'node:test'
import type { ErrorCode } from '#sluice/base/errors.js'
import { native } from '#sluice/native/load.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import type { Errno, ErrorPage } from './error-pages.js'
import type { Call, Outcome } from './error-scenes.js'
import * as scenes from './error-scenes.js'

export interface Row {
  readonly page: ErrorPage
  readonly errno: Errno
  /** What the page gives as its cause. */
  readonly cause: string
  /** `kernel`: it says so itself. `made up`: the addon is made to. `avoided`: sluice asks for nothing of the kind. */
  readonly how: 'kernel' | 'made up' | 'avoided'
  /** The path by which it goes well after all, any other where the kernel refuses one, or the error. */
  readonly leadsTo: PathName | 'another path' | readonly [ErrorCode, remedy: RegExp]
  readonly run: (t: TestContext) => Promise<Outcome>
  /** What the kernel answers where it is asked directly. */
  readonly asked?: (t: TestContext) => number
}

export const anyRemedy = /See the manual page/
export const forWriting = /for reading and the sink for writing/
export const shortOfMemory = /Free memory, or raise the limit/
export const nonBlocking = native?.SPLICE_F_NONBLOCK ?? 0

/** The first such call of the scene fails. */
export function made(
  call: Call,
  errno: Errno,
  scene: (t: TestContext) => Promise<Outcome>,
): Pick<Row, 'how' | 'run'> {
  return {
    how: 'made up',
    run: t => {
      scenes.fail(t, call, errno)
      return scene(t)
    },
  }
}

export function openedFor(t: TestContext, path: string, flags: string): number {
  const fd = openSync(path, flags)
  t.after(() => closeSync(fd))
  return fd
}
