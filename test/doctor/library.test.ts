import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findLibrary } from '#sluice/doctor/library.js'
import { temporaryFolder } from '../support/temporary.js'

test('a library that the dynamic linker knows is found and loads', () => {
  const library = findLibrary('libgcc_s')
  assert.match(library?.name ?? '', /^libgcc_s\.so/)
  assert.equal(library?.defect, null)
})

test('a library that is nowhere is not found', () => {
  assert.equal(findLibrary('libof-nowhere'), null)
})

test('a library that does not load says why', t => {
  const folder = temporaryFolder(t)
  const path = process.env.LD_LIBRARY_PATH
  writeFileSync(join(folder, 'libbroken.so.1'), 'no library')
  process.env.LD_LIBRARY_PATH = folder
  t.after(() => {
    if (path === undefined) delete process.env.LD_LIBRARY_PATH
    else process.env.LD_LIBRARY_PATH = path
  })
  const library = findLibrary('libbroken')
  assert.equal(library?.name, 'libbroken.so.1')
  assert.match(library?.defect ?? '', /libbroken\.so\.1/)
})
