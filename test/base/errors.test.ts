import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { errnoName, errorRemedies, SluiceError, systemError } from '#sluice/base/errors.js'

test('docs/errors.md lists exactly the codes of the table, in its order', () => {
  const page = readFileSync('docs/errors.md', 'utf8')
  const listed = [...page.matchAll(/^\| `(ERR_SLUICE_\w+)` \|/gm)].map(match => match[1])
  assert.deepEqual(listed, Object.keys(errorRemedies))
  assert.deepEqual(listed, [...listed].sort())
})

test('an error says what failed and what to do', () => {
  const error = new SluiceError('ERR_SLUICE_OPTION', 'start must be 0 or more, not -1')
  assert.equal(error.message, `start must be 0 or more, not -1. ${errorRemedies.ERR_SLUICE_OPTION}`)
  assert.equal(error.code, 'ERR_SLUICE_OPTION')
  assert.ok(error instanceof Error)
})

test("a system call's error carries its name, number and code", () => {
  const reset = systemError(-104, 'sendfile', 'Sending a file')
  assert.match(reset.message, /^Sending a file: sendfile failed with ECONNRESET\. /)
  assert.deepEqual([reset.code, reset.syscall, reset.errno], ['ERR_SLUICE_PEER_CLOSED', 'sendfile', -104])
  const unknown = systemError(-4000, 'sendfile', 'Sending a file')
  assert.match(unknown.message, /failed with errno 4000/)
  // libuv has no name for this one.
  assert.equal(errnoName(-constants.errno.EDQUOT), 'EDQUOT')
  assert.equal(unknown.code, 'ERR_SLUICE_SYSCALL')
})

test('what an AbortSignal ends is an AbortError', () => {
  assert.equal(new SluiceError('ERR_SLUICE_ABORTED', 'The transfer was aborted').name, 'AbortError')
})
