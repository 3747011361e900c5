import assert from 'node:assert/strict'
import { test } from 'node:test'
import { showBytes, showNs } from '#sluice/base/figures.js'
import { GiB, KiB, MiB } from '#sluice/base/units.js'

test('sizes in the unit that suits, to three digits', () => {
  const cases = [
    [0, '0 B'],
    [1, '1 B'],
    [1000, '1000 B'],
    [1023, '1023 B'],
    [64 * KiB, '64 KiB'],
    [1.125 * MiB, '1.13 MiB'],
    [1023 * MiB, '1023 MiB'],
    [3 * GiB, '3 GiB'],
  ] as const
  for (const [bytes, text] of cases) assert.equal(showBytes(bytes), text)
})

test('times in the unit that suits, to three digits', () => {
  const cases = [
    [0, '0 ns'],
    [850, '850 ns'],
    [12_432, '12.4 µs'],
    [3_210_000, '3.21 ms'],
    [12e9, '12 s'],
  ] as const
  for (const [ns, text] of cases) assert.equal(showNs(ns), text)
})
