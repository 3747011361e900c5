import assert from 'node:assert/strict'
import { test } from 'node:test'
import { literalAddress, parseTarget, showAddress, showTarget } from '#sluice/relay/address.js'

const accepted: [string, object, object | null][] = [
  ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }, { address: '127.0.0.1', port: 80 }],
  ['[::1]:65535', { host: '::1', port: 65_535 }, { address: '::1', port: 65_535 }],
  ['db.example.org:5432', { host: 'db.example.org', port: 5432 }, null],
  ['localhost:1', { host: 'localhost', port: 1 }, null],
  ['a_b-c.example.org.:1', { host: 'a_b-c.example.org.', port: 1 }, null],
  ['3com.com:1', { host: '3com.com', port: 1 }, null],
  ['unix:/run/db.sock', { path: '/run/db.sock' }, { path: '/run/db.sock' }],
  ['unix:relative', { path: 'relative' }, { path: 'relative' }],
]
for (const [text, target, literal] of accepted) {
  test(`${text} is read, and shown as it was`, () => {
    const read = parseTarget('listen', text, { portMin: 1 })
    assert.deepEqual(read, target)
    assert.equal(showTarget(read), text)
    const address = literalAddress(read)
    assert.deepEqual(address, literal)
    if (address !== null) assert.equal(showAddress(address), text)
  })
}

test('port 0 is one where the kernel may choose', () => {
  assert.deepEqual(parseTarget('listen', '[::]:0', { portMin: 0 }), { host: '::', port: 0 })
  assert.throws(() => parseTarget('listen', '[::]:0', { portMin: 1 }), /a port of 1 to 65535/)
})

test('what is no address is refused', () => {
  const wrong = [
    '',
    ':80',
    '80',
    'host',
    'host:',
    'host:65536',
    'host:-1',
    'host:1e3',
    'host: 80',
    'ho st:80',
    '::1:80',
    '[::1]',
    '[::1]80',
    '[fe80::1%eth0]:80',
    '[127.0.0.1]:80',
    '1.2.3:80',
    '1.2.3.256:80',
    '-a:80',
    'a..b:80',
    'http://host:80',
    'unix:',
    'unix:a\0b',
    `unix:${'p'.repeat(108)}`,
    `${'a.'.repeat(130)}b:80`,
    `${'a'.repeat(64)}:80`,
    5432,
    null,
    undefined,
    ['127.0.0.1:80'],
  ]
  for (const value of wrong) {
    assert.throws(() => parseTarget('upstreams[2]', value, { portMin: 1 }), {
      code: 'ERR_SLUICE_OPTION',
      message:
        /^upstreams\[2\] must be host:port, \[IPv6 address\]:port with a port of 1 to 65535, or unix:\/path with at most 107 bytes, not /,
    })
  }
})
