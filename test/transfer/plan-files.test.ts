import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addonMissing } from '#sluice/native/load.js'
import { file } from '#sluice/transfer/ends/endpoints.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { plan } from '#sluice/transfer/plan/plan.js'
import { type FilePair, filePathNames, planForFiles } from '#sluice/transfer/plan/plan-files.js'
import { needsAddon } from '../support/addon.js'

const anything: FilePair = {
  addonMissing: '',
  seekable: true,
  appends: false,
  ownsPosition: true,
  from: 0,
  to: 0,
  endsOnBlock: true,
  refused: new Map(),
}

test('the cheapest path that is possible, and why each other is not taken', () => {
  const cases: [Partial<FilePair>, PathName, RegExp][] = [
    [{}, 'reflink', /share/],
    [{ to: 1 }, 'copy_file_range', /blocks of 4096/],
    [{ from: 4095 }, 'copy_file_range', /blocks of 4096/],
    [{ endsOnBlock: false }, 'copy_file_range', /blocks of 4096/],
    [{ refused: new Map([['reflink', 'EXDEV']]) }, 'copy_file_range', /reflink is refused here \(EXDEV\)/],
    [{ from: 1, refused: new Map([['copy_file_range', 'EXDEV']]) }, 'sendfile', /copy_file_range.*EXDEV/],
    [{ from: 1, refused: new Map([['copy_file_range', 'EXDEV']]), ownsPosition: false }, 'copy', /stands/],
    [{ appends: true }, 'copy', /O_APPEND/],
    [{ seekable: false }, 'copy', /regular files/],
    [{ addonMissing: 'it was not built' }, 'copy', /no addon: it was not built/],
  ]
  for (const [pair, expected, reason] of cases) {
    const { path, why, rejected } = planForFiles({ ...anything, ...pair })
    assert.equal(path, expected)
    assert.match(why, reason)
    assert.deepEqual(
      rejected.map(other => other.path),
      filePathNames.filter(name => name !== path),
    )
    assert.ok(rejected.every(other => other.why !== ''))
  }
})

test('the path that is asked for, where it is possible', () => {
  for (const prefer of filePathNames) {
    const { path, why } = planForFiles(anything, { prefer })
    assert.equal(path, prefer)
    assert.match(why, /was asked for$/)
  }
  const { path, why } = planForFiles({ ...anything, ownsPosition: false }, { prefer: 'sendfile' })
  assert.equal(path, 'reflink')
  assert.match(why, /stands/)
})

test('what can be told before the files are opened', needsAddon, () => {
  assert.equal(addonMissing, '')
  assert.equal(plan(file('a'), file('b')).path, 'reflink')
  assert.equal(plan(file('a', { end: 9 }), file('b')).path, 'copy_file_range')
  assert.equal(plan(file('a'), file('b', { flags: 'a' })).path, 'copy')
  assert.match(plan(file('a'), file(5)).rejected[1]!.why, /stands/)
})
