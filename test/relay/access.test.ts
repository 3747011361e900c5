import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccessList } from '#sluice/relay/access.js'
import type { AccessRule } from '#sluice/relay/options.js'

function allowed(rules: readonly AccessRule[], client: string): boolean {
  const list = new AccessList(rules)
  return list.allows(
    client.startsWith('/') || client === '' ? { path: client } : { address: client, port: 40_000 },
  )
}

const cases: [string, AccessRule[], string, boolean][] = [
  ['without rules everybody may', [], '192.0.2.1', true],
  ['who is allowed may', [{ allow: '192.0.2.0/24' }], '192.0.2.1', true],
  ['others than those who are allowed may not', [{ allow: '192.0.2.0/24' }], '192.0.3.1', false],
  ['who is denied may not', [{ deny: '192.0.2.0/24' }], '192.0.2.255', false],
  ['others than those who are denied may', [{ deny: '192.0.2.0/24' }], '192.0.3.0', true],
  ['the first that matches decides', [{ deny: '192.0.2.7' }, { allow: '192.0.2.0/24' }], '192.0.2.7', false],
  ['and not the closest', [{ allow: '192.0.2.0/24' }, { deny: '192.0.2.7' }], '192.0.2.7', true],
  ['the last says what others may', [{ allow: '192.0.2.7' }, { deny: '192.0.2.0/24' }], '203.0.113.1', true],
  ['unless all are said', [{ allow: '192.0.2.7' }, { deny: 'all' }], '203.0.113.1', false],
  ['an address alone is one', [{ allow: '192.0.2.7' }], '192.0.2.8', false],
  ['/0 is every IPv4 address', [{ deny: '0.0.0.0/0' }], '203.0.113.1', false],
  ['and no IPv6 address', [{ deny: '0.0.0.0/0' }], '2001:db8::1', true],
  ['/32 is one', [{ deny: '192.0.2.7/32' }], '192.0.2.6', true],
  ['IPv6', [{ deny: '2001:db8::/32' }], '2001:db8:ffff::1', false],
  ['IPv6 beyond the bits', [{ deny: '2001:db8::/33' }], '2001:db8:8000::', true],
  ['IPv6 in another spelling', [{ deny: '2001:DB8:0:0::1' }], '2001:db8::1', false],
  ['IPv4 that comes as IPv6', [{ deny: '192.0.2.0/24' }], '::ffff:192.0.2.1', false],
  ['IPv4 in another spelling', [{ deny: '192.0.2.0/24' }], '::ffff:c000:201', false],
  ['::/0 is every IPv6 address', [{ deny: '::/0' }], '2001:db8::1', false],
  ['and no IPv4 address', [{ deny: '::/0' }], '192.0.2.1', true],
  ['nor lets it IPv4 in', [{ allow: '::/0' }], '192.0.2.1', false],
  ['not even as IPv6', [{ allow: '::/0' }], '::ffff:192.0.2.1', false],
  ['IPv4 may be written as IPv6', [{ deny: '::ffff:192.0.2.0/120' }], '192.0.2.9', false],
  ['beyond its bits', [{ deny: '::ffff:192.0.2.0/120' }], '192.0.3.9', true],
  ['all of it too', [{ deny: '::ffff:0:0/96' }], '203.0.113.1', false],
  ['which is no IPv6', [{ deny: '::ffff:0:0/96' }], '2001:db8::1', true],
  ['all are IPv6 as well', [{ deny: 'all' }], '::1', false],
  ['all are clients of Unix sockets as well', [{ deny: 'all' }], '', false],
  ['unix is none else', [{ deny: 'unix' }], '127.0.0.1', true],
  ['unix', [{ deny: 'unix' }], '/run/client', false],
  ['addresses are not unix', [{ deny: '0.0.0.0/0' }, { deny: '::/0' }], '', true],
]
for (const [what, rules, client, may] of cases) {
  test(`${what}: ${JSON.stringify(rules)}, ${client || 'unix'}`, () => {
    assert.equal(allowed(rules, client), may)
  })
}

test('many rules in turns keep their order', () => {
  const rules = Array.from({ length: 200 }, (_, index) =>
    index % 2 === 0 ? { allow: `10.0.${index}.0/24` } : { deny: `10.0.${index}.0/24` },
  )
  for (let index = 0; index < 200; index++) assert.equal(allowed(rules, `10.0.${index}.9`), index % 2 === 0)
})

test('what is no address is refused, with its place', () => {
  for (const wrong of [
    '',
    'localhost',
    '192.0.2',
    '192.0.2.0/33',
    '::/129',
    '192.0.2.0/',
    '::1/a',
    '::1/-1',
    'fe80::1%eth0',
    '1.2.3.4/8/9',
    '10.0.0.0/08x',
  ]) {
    assert.throws(() => new AccessList([{ allow: 'all' }, { deny: wrong }]), {
      code: 'ERR_SLUICE_OPTION',
      message: /^access\[1\]\.deny must be an address, address\/bits, unix or all, not "/,
    })
  }
})
