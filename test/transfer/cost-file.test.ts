import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  costFilePath,
  costFileToWrite,
  readCostFile,
  type StoredCosts,
  writeCostFile,
} from '#sluice/transfer/plan/cost-file.js'
import { without } from '../support/commands.js'
import { temporaryFolder } from '../support/temporary.js'

const machine = { kernel: '6.1.0-18-amd64', build: '#1 SMP', cpu: 'A Processor (R) @ 3 GHz' }
const stored: StoredCosts = {
  machine,
  measuredAt: 1_700_000_000_000,
  costs: {
    'file → tcp': {
      sendfile: [
        [256, 5000.5],
        [4096, 6000],
      ],
      copy: [[256, 9000]],
    },
  },
}

/** Sets variables of the environment for the test; undefined takes one away. */
function environment(t: TestContext, variables: Record<string, string | undefined>): void {
  const before = Object.keys(variables).map(name => [name, process.env[name]] as const)
  const set = (entries: readonly (readonly [string, string | undefined])[]): void => {
    for (const [name, value] of entries) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  set(Object.entries(variables))
  t.after(() => set(before))
}

test('what is written is read again, and only its owner may read it', t => {
  const folder = temporaryFolder(t)
  environment(t, { SLUICE_COSTS: undefined, XDG_CACHE_HOME: join(folder, 'cache') })
  const path = costFileToWrite(machine)
  writeCostFile(path, stored)
  writeCostFile(path, { ...stored, measuredAt: 5 })
  assert.deepEqual(readCostFile(path), { ...stored, measuredAt: 5 })
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(join(folder, 'cache', 'sluice')), [basename(path)])
})

test('the place is named by XDG_CACHE_HOME, HOME or SLUICE_COSTS', t => {
  const name = 'costs-6.1.0-18-amd64-A-Processor-R-3-GHz.json'
  environment(t, { SLUICE_COSTS: undefined, XDG_CACHE_HOME: '/cache', HOME: '/home/me' })
  assert.deepEqual(costFilePath(machine), { path: `/cache/sluice/${name}` })
  environment(t, { XDG_CACHE_HOME: 'relative' })
  assert.deepEqual(costFilePath(machine), { path: `/home/me/.cache/sluice/${name}` })
  environment(t, { SLUICE_COSTS: 'some.json' })
  assert.deepEqual(costFilePath(machine), { path: 'some.json' })
  environment(t, { SLUICE_COSTS: 'off' })
  assert.deepEqual(costFilePath(machine), { missing: 'SLUICE_COSTS=off' })
})

test('a name from the system leads nowhere else', t => {
  environment(t, { SLUICE_COSTS: undefined, XDG_CACHE_HOME: '/cache' })
  const odd = costFilePath({ kernel: '../../6', build: '', cpu: `/${'x'.repeat(500)}\0` })
  assert.ok('path' in odd)
  assert.match(odd.path, /^\/cache\/sluice\/costs-\.\.-\.\.-6-x{50,80}\.json$/)
})

test('without a cache directory nothing can be stored, and the error says what to set', t => {
  environment(t, { SLUICE_COSTS: undefined, XDG_CACHE_HOME: undefined, HOME: undefined })
  assert.ok('missing' in costFilePath(machine))
  assert.throws(() => costFileToWrite(machine), {
    code: 'ERR_SLUICE_FILE',
    message: /neither.*Set HOME or XDG_CACHE_HOME/,
  })
})

test('a directory that cannot be made or written is an error with a remedy, and leaves nothing', t => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'file'), '')
  environment(t, { SLUICE_COSTS: join(folder, 'file', 'costs.json') })
  assert.throws(() => costFileToWrite(machine), {
    name: 'SluiceError',
    message: /Storing the costs in .*(?:ENOTDIR|EEXIST).*SLUICE_COSTS/,
  })
  assert.throws(() => writeCostFile(join(folder, 'file', 'costs.json'), stored), { name: 'SluiceError' })
  mkdirSync(join(folder, 'costs.json'))
  assert.throws(() => writeCostFile(join(folder, 'costs.json'), stored), {
    name: 'SluiceError',
    syscall: 'rename',
  })
  assert.deepEqual(readdirSync(folder).sort(), ['costs.json', 'file'])
})

test('what is no file of our own is not believed', without('mkfifo'), t => {
  const folder = temporaryFolder(t)
  const path = (name: string): string => join(folder, name)
  assert.equal(readCostFile(path('missing')), 'none has been measured yet')
  writeCostFile(path('good'), stored)
  symlinkSync('good', path('link'))
  assert.equal(readCostFile(path('link')), 'it is a symbolic link')
  assert.equal(readCostFile(folder), 'it is not a regular file')
  execFileSync('mkfifo', [path('fifo')])
  assert.equal(readCostFile(path('fifo')), 'it is not a regular file')
  writeFileSync(path('large'), ' '.repeat(256 * 1024 + 1), { mode: 0o600 })
  assert.match(String(readCostFile(path('large'))), /more than 262144 bytes/)
  chmodSync(path('good'), 0o620)
  assert.equal(readCostFile(path('good')), 'others may write it')
})

test("another user's file is not believed", {
  skip: process.getuid?.() !== 0 && 'only root can give files away',
}, t => {
  const path = join(temporaryFolder(t), 'costs.json')
  writeCostFile(path, stored)
  chownSync(path, 12_345, 12_345)
  assert.equal(readCostFile(path), 'it belongs to another user')
})

const good = { format: 1, machine, measuredAt: 1, costs: stored.costs }
const paths = (figures: unknown): unknown => ({ ...good, costs: { 'file → tcp': { sendfile: figures } } })
const hostile: [what: string, contents: unknown, reason: RegExp][] = [
  ['nothing', '', /not JSON/],
  ['half of a table', JSON.stringify(good).slice(0, -20), /not JSON/],
  ['a list', [], /not a table/],
  ['null', null, /not a table/],
  ['another format', { ...good, format: 2 }, /format/],
  ['no machine', { ...good, machine: undefined }, /which machine/],
  ['a machine without a name', { ...good, machine: { ...machine, kernel: 6 } }, /which machine/],
  ['no time', { ...good, measuredAt: '1' }, /when/],
  ['a time that no clock shows', { ...good, measuredAt: 1e300 }, /when/],
  ['no costs', { ...good, costs: 7 }, /no costs/],
  ['an unknown pair', { ...good, costs: { 'file → moon': {} } }, /not known here/],
  [
    'a pair called __proto__',
    `{"format":1,"machine":${JSON.stringify(machine)},"measuredAt":1,"costs":{"__proto__":{"copy":[[1,1]]}}}`,
    /not known here/,
  ],
  ['an unknown path', { ...good, costs: { 'file → tcp': { magic: [[1, 1]] } } }, /not known here/],
  ['paths that are a list', { ...good, costs: { 'file → tcp': [] } }, /no paths/],
  ['no figures', paths([]), /no list/],
  ['figures that are a word', paths('many'), /no list/],
  ['too many figures', paths(Array.from({ length: 33 }, (_, i) => [i + 1, 1])), /no list/],
  ['NaN', paths([[256, Number.NaN]]), /no size/],
  ['a number too large for one', JSON.stringify(paths([[256, 7]])).replace('7]', '1e999]'), /no size/],
  ['a negative time', paths([[256, -1]]), /no size/],
  ['no time at all', paths([[256, 0]]), /no size/],
  ['an endless time', paths([[256, 1e300]]), /no size/],
  ['half a byte', paths([[0.5, 1]]), /no size/],
  ['a size without its time', paths([[256]]), /no size/],
  ['three numbers', paths([[256, 1, 1]]), /no size/],
  [
    'sizes that go down',
    paths([
      [256, 1],
      [255, 1],
    ]),
    /ascend/,
  ],
  [
    'a size twice',
    paths([
      [256, 1],
      [256, 1],
    ]),
    /ascend/,
  ],
]
for (const [what, contents, reason] of hostile) {
  test(`not believed: ${what}`, t => {
    const path = join(temporaryFolder(t), 'costs.json')
    writeFileSync(path, typeof contents === 'string' ? contents : JSON.stringify(contents), { mode: 0o600 })
    assert.match(String(readCostFile(path)), reason)
  })
}

test('what is stored names the machine and the Node that measured, for people', t => {
  const path = join(temporaryFolder(t), 'costs.json')
  writeCostFile(path, stored)
  const { node, machine: of } = JSON.parse(readFileSync(path, 'utf8')) as { node: string; machine: unknown }
  assert.deepEqual([node, of], [process.version, machine])
})
