import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Loan, ZerocopyLedger } from '#sluice/transfer/zerocopy-ledger.js'
import { Random, seedFromEnvironment } from '../support/random.js'

function loan(): Loan {
  return { outstanding: 0, copiedBytes: 0 }
}

test('a notice settles a range, both ends included, of whosever sends they are', () => {
  const ledger = new ZerocopyLedger()
  const [first, second] = [loan(), loan()]
  for (const who of [first, first, second, second]) ledger.add(who, 10)
  ledger.settle(1, 2, false)
  assert.deepEqual([first.outstanding, second.outstanding, ledger.outstanding], [1, 1, 2])
  ledger.settle(3, 3, true)
  assert.deepEqual([first.outstanding, second.outstanding, second.copiedBytes], [1, 0, 10])
  ledger.settle(0, 0, false)
  assert.deepEqual([first.outstanding, first.copiedBytes, ledger.outstanding], [0, 0, 0])
})

test('numbers wrap at 32 bits, also inside a range', () => {
  const ledger = new ZerocopyLedger(2 ** 32 - 2)
  const only = loan()
  for (let count = 0; count < 4; count++) ledger.add(only, 1)
  ledger.settle(2 ** 32 - 1, 0, true)
  assert.deepEqual([only.outstanding, only.copiedBytes], [2, 2])
  ledger.settle(1, 1, false)
  ledger.settle(2 ** 32 - 2, 2 ** 32 - 2, false)
  assert.equal(ledger.outstanding, 0)
})

test('numbers that nobody sent, or that came before, change nothing', () => {
  const ledger = new ZerocopyLedger()
  const only = loan()
  for (let count = 0; count < 3; count++) ledger.add(only, 1)
  ledger.settle(3, 2 ** 32 - 1, true)
  assert.equal(only.outstanding, 3)
  ledger.settle(0, 0, false)
  ledger.settle(0, 0, true)
  assert.deepEqual([only.outstanding, only.copiedBytes], [2, 0])
  ledger.settle(2 ** 32 - 5, 1, true)
  assert.deepEqual([only.outstanding, only.copiedBytes], [1, 1])
})

test('ranges in any order, merged at will, settle each send once', t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const random = new Random(seed)
  for (let round = 0; round < 200; round++) {
    const start = (2 ** 32 - random.below(40)) >>> 0
    const ledger = new ZerocopyLedger(start)
    const sends = 1 + random.below(60)
    const loans = Array.from({ length: 1 + random.below(4) }, loan)
    const owners = Array.from({ length: sends }, () => random.below(loans.length))
    owners.forEach((owner, index) => void ledger.add(loans[owner]!, index + 1))
    const ranges: { low: number; high: number; copied: boolean }[] = []
    for (let low = 0; low < sends; ) {
      const high = low + random.below(Math.min(8, sends - low))
      ranges.push({ low, high, copied: random.below(2) === 1 })
      low = high + 1
    }
    const left = loans.map((_, index) => owners.filter(owner => owner === index).length)
    const copiedBytes = loans.map(() => 0)
    while (ranges.length > 0) {
      const [range] = ranges.splice(random.below(ranges.length), 1)
      const { low, high, copied } = range!
      ledger.settle((start + low) >>> 0, (start + high) >>> 0, copied)
      for (let index = low; index <= high; index++) {
        left[owners[index]!]!--
        if (copied) copiedBytes[owners[index]!]! += index + 1
      }
      assert.deepEqual(
        loans.map(({ outstanding }) => outstanding),
        left,
      )
    }
    assert.deepEqual(
      loans.map(who => who.copiedBytes),
      copiedBytes,
    )
    assert.equal(ledger.outstanding, 0)
  }
})
