import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prometheusText, snakeCase } from '#sluice/base/prometheus.js'

test('a metric is its help, its type and its samples', () => {
  const text = prometheusText([
    { name: 'a_total', help: 'What it is.', type: 'counter', samples: [{ value: 12 }] },
    {
      name: 'b',
      help: 'Another.',
      type: 'gauge',
      samples: [
        { labels: { x: '1', y: '2' }, value: 0.5 },
        { labels: {}, value: -1 },
      ],
    },
    { name: 'c', help: 'None yet.', type: 'gauge', samples: [] },
  ])
  assert.equal(
    text,
    '# HELP a_total What it is.\n# TYPE a_total counter\na_total 12\n' +
      '# HELP b Another.\n# TYPE b gauge\nb{x="1",y="2"} 0.5\nb -1\n' +
      '# HELP c None yet.\n# TYPE c gauge\n',
  )
})

test('what would end a label or a line is escaped', () => {
  const samples = [{ labels: { path: 'a"b\\c\nd' }, value: 1 }]
  assert.equal(
    prometheusText([{ name: 'a', help: 'one\\\ntwo "three"', type: 'gauge', samples }]),
    '# HELP a one\\\\\\ntwo "three"\n# TYPE a gauge\na{path="a\\"b\\\\c\\nd"} 1\n',
  )
})

test('numbers that are none have the names that the format gives them', () => {
  const samples = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(value => ({ value }))
  assert.match(
    prometheusText([{ name: 'a', help: '', type: 'gauge', samples }]),
    /\na NaN\na \+Inf\na -Inf\n$/,
  )
})

test('names as metrics have them', () => {
  assert.equal(snakeCase('toUpstreamSpliced'), 'to_upstream_spliced')
  assert.equal(snakeCase('denied'), 'denied')
})
