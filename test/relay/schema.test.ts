import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type ProxyOptions, proxyFileNames } from '#sluice/relay/options.js'
import { resolveProxyOptions } from '#sluice/relay/resolve-options.js'
import { proxySchema } from '#sluice/relay/schema.js'
import { Random, seedFromEnvironment } from '../support/random.js'
import { isValid } from './validate.js'

const schema = JSON.parse(readFileSync('schema/proxy.schema.json', 'utf8'))

test('the schema in the package is the one that the options give: `npm run schema` writes it', () => {
  assert.deepEqual(schema, JSON.parse(JSON.stringify(proxySchema())))
})

test('the schema has exactly the options that a file may have', () => {
  assert.deepEqual(Object.keys(schema.properties).sort(), [...proxyFileNames].sort())
})

/** By option: values that are right, or wrong, or of another option. */
const values: Record<string, readonly unknown[]> = {
  listen: ['127.0.0.1:9000', '[::1]:0', 'unix:/run/x', '9000', '', 7],
  upstreams: [
    ['a:1'],
    [{ address: 'a:1', weight: 3, backup: true, connectionsMax: 0 }],
    [],
    'a:1',
    [{ weight: 1 }],
    [{ address: 'a:1', x: 1 }],
    [{ address: 'a:1', weight: 257 }],
    ['a'],
  ],
  balance: ['round-robin', 'source-hash', 'fair', null],
  sni: [{ 'a.example.org': ['a:1'] }, {}, { 'a.example.org': [] }, []],
  mirror: [
    'tcp:a:1',
    'file:x',
    { to: 'unix:/x', slow: 'wait' },
    { to: 'file:x', of: 'both' },
    { slow: 'wait' },
    'a:1',
    { to: 'file:x', of: 'none' },
  ],
  proxyProtocol: ['in', 'none', 'yes'],
  proxyProtocolVersion: [1, 2, 3, '1'],
  access: [
    [],
    [{ allow: 'all' }, { deny: '10.0.0.0/8' }],
    [{ allow: 'all', deny: 'all' }],
    [{}],
    [{ permit: 'all' }],
    { deny: 'all' },
  ],
  check: [true, false, {}, { intervalMs: 10, rise: 1 }, { rise: 0 }, 'yes', { x: 1 }],
  nameServers: [[], ['192.0.2.1'], '192.0.2.1', [7], Array(9).fill('192.0.2.1')],
  connectMs: [1, 5000, 0, 2 ** 31, 1.5, '5s'],
  idleMs: [0, 1, -1],
  connectionsMax: [1, 1 << 20, 0, (1 << 20) + 1],
  failuresMax: [0, 1000, 1001],
  $schema: ['proxy.schema.json'],
  upstream: [['a:1']],
}

test('what the schema accepts is accepted, and what it refuses is refused', t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const random = new Random(seed)
  const outcomes = { accepted: 0, refused: 0 }
  for (let count = 0; count < 5000; count++) {
    const options: Record<string, unknown> = { listen: '127.0.0.1:1', upstreams: ['a:1'] }
    for (let names = random.below(3); names >= 0; names--) {
      const name = random.pick(Object.keys(values))!
      options[name] = random.pick(values[name]!)
    }
    const accepted = isAccepted(options)
    outcomes[accepted ? 'accepted' : 'refused']++
    assert.equal(isValid(schema, options), accepted, `${JSON.stringify(options)} with seed ${seed}`)
  }
  assert.ok(outcomes.accepted > 500 && outcomes.refused > 500, JSON.stringify(outcomes))
})

function isAccepted(options: object): boolean {
  try {
    resolveProxyOptions(options as ProxyOptions)
    return true
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ERR_SLUICE_OPTION')
    return false
  }
}
