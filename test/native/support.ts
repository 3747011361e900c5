/** What the tests of the addon's calls share. */
import assert from 'node:assert/strict'
import { closeSync } from 'node:fs'
import type { TestContext } from 'node:test'
import type { Native } from '#sluice/native/calls.js'
import { native } from '#sluice/native/load.js'

export const needsAddon = { skip: native === null && 'there is no addon' }

/** The addon's calls; only for tests that are skipped without it. */
export const calls = native as Native

/** A descriptor that is closed when the test is over. */
export function owned(t: TestContext, fd: number): number {
  assert.ok(fd >= 0, `the call failed with ${fd}`)
  t.after(() => closeSync(fd))
  return fd
}

/** Two Unix sockets that are connected to each other, and never wait. */
export function pair(t: TestContext): [left: number, right: number] {
  const ends = new Int32Array(2)
  const type = calls.SOCK_STREAM | calls.SOCK_NONBLOCK | calls.SOCK_CLOEXEC
  assert.equal(calls.socketpair(calls.AF_UNIX, type, ends), 0)
  return [owned(t, ends[0]!), owned(t, ends[1]!)]
}
