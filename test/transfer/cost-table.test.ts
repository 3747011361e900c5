import assert from 'node:assert/strict'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { addonMissing } from '#sluice/native/load.js'
import { writeCostFile } from '#sluice/transfer/plan/cost-file.js'
import { costEdition, costTable, useCosts } from '#sluice/transfer/plan/cost-table.js'
import { type Machine, thisMachine } from '#sluice/transfer/plan/machine.js'
import { needsAddon } from '../support/addon.js'
import { run } from '../support/command.js'
import { temporaryFolder } from '../support/temporary.js'

const costs = { 'file → tcp': { copy: [[256, 1]] } } as const
const before = process.env.SLUICE_COSTS

beforeEach(() => useCosts(null))
afterEach(() => {
  if (before === undefined) delete process.env.SLUICE_COSTS
  else process.env.SLUICE_COSTS = before
  useCosts(null)
})

function storeFor(path: string, machine: Machine): void {
  writeCostFile(path, { machine, measuredAt: 1000, costs })
  process.env.SLUICE_COSTS = path
}

test(
  "this machine's table is in force, and pairs that it lacks keep their built-in figures",
  needsAddon,
  t => {
    const path = join(temporaryFolder(t), 'costs.json')
    process.env.SLUICE_COSTS = 'off'
    const builtIn = costTable()
    assert.deepEqual([builtIn.origin, builtIn.why], ['built-in', 'SLUICE_COSTS=off'])
    storeFor(path, thisMachine())
    assert.equal(costTable(), builtIn, 'looked for once')
    const edition = costEdition()
    useCosts(null)
    assert.notEqual(costEdition(), edition)
    const measured = costTable()
    assert.deepEqual(
      { ...measured, costs: {} },
      { origin: 'measured', costs: {}, measuredAt: 1000, path, why: '' },
    )
    assert.deepEqual(measured.costs, { ...builtIn.costs, ...costs })
  },
)

test('a table from elsewhere is ignored, and it is said why', needsAddon, t => {
  const path = join(temporaryFolder(t), 'costs.json')
  const here = thisMachine()
  for (const [machine, reason] of [
    [{ ...here, kernel: '2.6.32' }, /another kernel/],
    [{ ...here, build: '#2' }, /another kernel/],
    [{ ...here, cpu: 'i486' }, /another processor/],
  ] as const) {
    storeFor(path, machine)
    useCosts(null)
    const { origin, why, path: where } = costTable()
    assert.equal(origin, 'built-in')
    assert.equal(where, path)
    assert.match(why, reason)
  }
})

test('no home, no table and no error', needsAddon, async () => {
  const script = `
    import('#sluice/transfer/plan/cost-table.js').then(({ costTable }) => {
      const { origin, why } = costTable()
      console.log(origin, why)
    })`
  const env = { HOME: undefined, XDG_CACHE_HOME: undefined, SLUICE_COSTS: undefined }
  const { stdout, code } = await run(process.execPath, ['-e', script], { env }).finished()
  assert.equal(code, 0)
  assert.match(stdout, /^built-in there is no cache directory/)
})

test('without the addon there is nothing to choose', {
  skip: addonMissing === '' && 'there is the addon',
}, () => {
  assert.equal(costTable().why, 'there is no addon')
})

test('the machine has a kernel, a build and a processor, and they stay', () => {
  const machine = thisMachine()
  assert.ok(Object.values(machine).every(value => typeof value === 'string' && value !== ''))
  assert.deepEqual(thisMachine(), machine)
})
