import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { statusOf } from '#sluice/http/reply.js'

for (const [name, status] of [
  ['ENOENT', 404],
  ['ENOTDIR', 404],
  ['ENAMETOOLONG', 404],
  ['ELOOP', 404],
  ['EXDEV', 404],
  ['ENXIO', 404],
  ['EISDIR', 404],
  ['EACCES', 403],
  ['EPERM', 403],
  ['EMFILE', 503],
  ['ENFILE', 503],
  ['ENOMEM', 503],
  ['EAGAIN', 503],
  ['EIO', 500],
  ['ESTALE', 500],
] as const) {
  test(`${name} is answered ${status}`, () => assert.equal(statusOf(-constants.errno[name]), status))
}
