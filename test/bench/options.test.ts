import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions } from '../../bench/options.js'
import { trials } from '../../bench/trials.js'

test('a trial alone runs whole, five times', () => {
  const options = parseOptions(['http-file'])!
  assert.deepEqual(options.trial, trials[0])
  assert.equal(options.repetitions, 5)
  assert.equal(options.save, false)
  assert.equal('out' in options, false)
})

test('sizes and servers are chosen by name, in the order of the trial', () => {
  const { trial } = parseOptions(['http-file', '--sizes', '100mib,64 KiB', '--servers', 'floor,sluice'])!
  assert.ok('peers' in trial)
  assert.deepEqual(
    trial.cases.map(each => each.label),
    ['64 KiB', '100 MiB'],
  )
  assert.deepEqual(
    trial.peers.map(peer => peer.name),
    ['sluice', 'floor'],
  )
})

test('pairs are chosen by name, with either arrow', () => {
  const { trial } = parseOptions(['paths', '--pairs', 'memory -> tcp,file→tcp', '--sizes', '256b'])!
  assert.ok('pairs' in trial)
  assert.deepEqual(trial.pairs, ['file → tcp', 'memory → tcp'])
  assert.deepEqual(
    trial.cases.map(each => each.bytes),
    [256],
  )
})

test('cases and proxies are chosen by name, and the trial has a pace of its own', () => {
  const options = parseOptions([
    'relay',
    '--cases',
    '8 streams,connections',
    '--servers',
    'A.pipe(b),sluice',
  ])!
  const { trial } = options
  assert.ok('proxies' in trial)
  assert.deepEqual(
    trial.cases.map(each => each.label),
    ['8 streams', 'connections'],
  )
  assert.deepEqual(
    trial.proxies.map(proxy => proxy.name),
    ['sluice', 'a.pipe(b)'],
  )
  assert.equal(options.repetitions, trial.pace.repetitions)
  assert.equal(parseOptions(['relay', '--seconds', '7'])!.seconds, 7)
})

test('help is asked for in two ways', () => {
  assert.equal(parseOptions(['--help']), null)
  assert.equal(parseOptions(['http-file', '-h']), null)
})

for (const [argv, said] of [
  [[], /name one trial: http-file/],
  [['http-file', 'again'], /name one trial/],
  [['tcp'], /no trial is named tcp; there is http-file/],
  [['http-file', '--sizes', '5MiB'], /--sizes: no 5mib; there is 64 KiB/],
  [['http-file', '--servers', 'apache'], /--servers: no apache/],
  [['http-file', '--pairs', 'file → tcp'], /--pairs: http-file has servers/],
  [['http-file', '--cases', '1 stream'], /--cases: http-file has sizes/],
  [['relay', '--sizes', '64KiB'], /--sizes: relay has cases/],
  [['relay', '--cases', '9 streams'], /--cases: no 9streams; there is 1 stream/],
  [['paths', '--servers', 'sluice'], /--servers: paths has pairs/],
  [['paths', '--pairs', 'file → moon'], /--pairs: no file→moon/],
  [['http-file', '--repetitions', '1.5'], /--repetitions must be/],
  [['http-file', '--seconds', '0'], /--seconds must be a number above 0, not 0/],
  [['http-file', '--warmup', 'x'], /--warmup/],
  [['http-file', '--network', 'none'], /--network must be machine or own, not none/],
  [['http-file', '--colour'], /--colour/],
] as const) {
  test(`refused: ${argv.join(' ') || 'nothing'}`, () => {
    assert.throws(() => parseOptions(argv), { name: 'BenchError', message: said })
  })
}
