/**
 * What becomes of every error that the manual pages of the transferring calls document: it is waited for, another path
 * is taken, or it is a SluiceError with a remedy. Those that the kernel can be made to say are its own here; others
 * are made up, or cannot come, because nothing is asked for that could be answered so.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { errnoName, SluiceError } from '#sluice/base/errors.js'
import { needsAddon } from '../support/addon.js'
import { entriesOf, errorPages } from './error-pages.js'
import { pipeRows } from './error-rows-pipes.js'
import { sendfileRows } from './error-rows-sendfile.js'
import { writeRows } from './error-rows-write.js'

const matrix = [...sendfileRows, ...pipeRows, ...writeRows]

for (const { page, errno, cause, how, leadsTo, run, asked } of matrix) {
  const outcome = typeof leadsTo === 'string' ? leadsTo : leadsTo[0]
  test(`${page} ${errno}, ${cause} (${how}): ${outcome}`, needsAddon, async t => {
    if (asked !== undefined) assert.equal(asked(t), -constants.errno[errno])
    const got = await run(t)
    if (typeof leadsTo === 'string') {
      if (got instanceof SluiceError) throw got
      if (leadsTo !== 'another path') assert.equal(got.path, leadsTo, got.why)
      else assert.ok(got.why.includes(`is refused here (${errnoName(-constants.errno[errno])})`), got.why)
      return
    }
    assert.ok(got instanceof SluiceError, 'it went well')
    assert.equal(got.code, leadsTo[0], got.message)
    assert.match(got.remedy, leadsTo[1])
    // Some are found before, or mean something else to who asked.
    if (how !== 'avoided' && got.errno !== undefined) assert.equal(got.errno, -constants.errno[errno])
  })
}

test('the matrix has every error that the pages name, as often as they do', () => {
  for (const [page, entries] of Object.entries(errorPages)) {
    const rows = matrix.filter(row => row.page === page).map(({ errno }) => errno)
    assert.deepEqual(rows.sort(), [...entries].sort(), page)
  }
  const names = matrix.map(({ page, errno, cause }) => `${page} ${errno} ${cause}`)
  assert.equal(new Set(names).size, names.length)
})

test('the pages of this machine name the same errors', { skip: pagesMissing() }, () => {
  for (const [page, entries] of Object.entries(errorPages)) {
    const source = gunzipSync(readFileSync(manual(page))).toString('latin1')
    assert.deepEqual(entriesOf(source), [...entries], page)
  }
})

function manual(page: string): string {
  // The page of writev(2) has the name of its sibling.
  return `/usr/share/man/man2/${page.replace('writev', 'readv').replace('(2)', '')}.2.gz`
}

function pagesMissing(): string | false {
  const missing = Object.keys(errorPages).filter(page => !existsSync(manual(page)))
  return missing.length > 0 && `the manual pages are not installed: ${missing.join(', ')}`
}
