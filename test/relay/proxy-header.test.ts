import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SocketAddress } from '#sluice/relay/address.js'
import { proxyHeaderBytesMax, readProxyHeader, writeProxyHeader } from '#sluice/relay/proxy-header.js'
import type { ProxyHeaderEnds, ProxyHeaderReading } from '#sluice/relay/proxy-header-types.js'
import { Random, seedFromEnvironment } from '../support/random.js'

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

/** A header of version 2 with any command, family and block; `length` announces another length than the block has. */
function binary(command: number, family: number, block: Uint8Array, length = block.length): Buffer {
  return Buffer.concat([signature, Buffer.of(command, family, length >> 8, length & 255), block])
}

const ipv4Block = Buffer.from('c0000201c633640a1f90d431', 'hex')
const ipv4Ends = {
  source: { address: '192.0.2.1', port: 8080 },
  destination: { address: '198.51.100.10', port: 54321 },
}
const ipv6Block = Buffer.from(`20010db8${'00'.repeat(11)}0120010db8${'00'.repeat(11)}02${'01bb0050'}`, 'hex')
const ipv6Ends = {
  source: { address: '2001:db8::1', port: 443 },
  destination: { address: '2001:db8::2', port: 80 },
}
const unixBlock = Buffer.concat([Buffer.alloc(108, 0), Buffer.alloc(108, 'p')])
unixBlock.write('/run/client')
const unixEnds = { source: { path: '/run/client' }, destination: { path: 'p'.repeat(108) } }
const none = { source: null, destination: null }
const tlvs = Buffer.from('0100026832 02000161 04000100'.replaceAll(' ', ''), 'hex')

const accepted: [string, Uint8Array, ProxyHeaderEnds][] = [
  ['IPv4 as text', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.10 8080 54321\r\n'), ipv4Ends],
  [
    'the longest line of IPv4',
    Buffer.from('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n'),
    {
      source: { address: '255.255.255.255', port: 65_535 },
      destination: { address: '255.255.255.255', port: 65_535 },
    },
  ],
  ['IPv6 as text', Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 443 80\r\n'), ipv6Ends],
  [
    'IPv6 as text, as it may be written too',
    Buffer.from('PROXY TCP6 2001:0DB8:0:0:0:0:0:1 2001:db8:0::2 443 80\r\n'),
    ipv6Ends,
  ],
  [
    'port 0',
    Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 0 0\r\n'),
    {
      source: { address: '192.0.2.1', port: 0 },
      destination: { address: '192.0.2.2', port: 0 },
    },
  ],
  ['an unknown protocol', Buffer.from('PROXY UNKNOWN\r\n'), none],
  ['an unknown protocol, and whatever', Buffer.from('PROXY UNKNOWN ff\x00:: what ever 1\r\n'), none],
  ['the longest line', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), none],
  ['IPv4', binary(0x21, 0x11, ipv4Block), ipv4Ends],
  ['IPv4 of datagrams', binary(0x21, 0x12, ipv4Block), ipv4Ends],
  ['IPv6', binary(0x21, 0x21, ipv6Block), ipv6Ends],
  ['Unix', binary(0x21, 0x31, unixBlock), unixEnds],
  ['values behind the addresses', binary(0x21, 0x11, Buffer.concat([ipv4Block, tlvs])), ipv4Ends],
  ['values of any kind', binary(0x21, 0x11, Buffer.concat([ipv4Block, Buffer.alloc(500, 0xff)])), ipv4Ends],
  [
    'as long as is read',
    binary(0x21, 0x11, Buffer.concat([ipv4Block, Buffer.alloc(proxyHeaderBytesMax - 28)])),
    ipv4Ends,
  ],
  ['LOCAL', binary(0x20, 0x00, Buffer.alloc(0)), none],
  ['LOCAL with addresses', binary(0x20, 0x11, ipv4Block), none],
  ['LOCAL with a block that is too short for its family', binary(0x20, 0x21, Buffer.alloc(3)), none],
  ['no family', binary(0x21, 0x00, Buffer.alloc(0)), none],
  ['no family, with a block', binary(0x21, 0x00, Buffer.alloc(7)), none],
  ['no transport', binary(0x21, 0x10, ipv4Block), none],
]

const malformed: [string, Uint8Array][] = [
  ['another protocol', Buffer.from('GET / HTTP/1.1\r\n')],
  ['a protocol that begins alike', Buffer.from('PROPFIND / HTTP/1.1\r\n')],
  ['small letters', Buffer.from('proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n')],
  ['no space', Buffer.from('PROXYTCP4 192.0.2.1 192.0.2.2 1 2\r\n')],
  ['two spaces', Buffer.from('PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n')],
  ['a tab', Buffer.from('PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n')],
  ['space at the end', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n')],
  ['no protocol', Buffer.from('PROXY \r\n')],
  ['a protocol that there is not', Buffer.from('PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n')],
  ['a protocol that begins as UNKNOWN', Buffer.from('PROXY UNKNOWNS\r\n')],
  ['IPv6 where IPv4 is said', Buffer.from('PROXY TCP4 ::1 ::2 1 2\r\n')],
  ['IPv4 where IPv6 is said', Buffer.from('PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n')],
  ['a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n')],
  ['a leading zero in an address', Buffer.from('PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n')],
  ['three numbers', Buffer.from('PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n')],
  ['a number too large', Buffer.from('PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n')],
  ['a leading zero in a port', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n')],
  ['a port too large', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n')],
  ['a negative port', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n')],
  ['a port missing', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n')],
  ['more than the ports', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n')],
  ['LF alone', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n')],
  ['CR alone', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rGET')],
  ['a line that is too long', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`)],
  ['a line without an end', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(93)}`)],
  [
    'a signature that is wrong in its last byte',
    Buffer.concat([signature.subarray(0, 11), Buffer.of(11, 0x21, 0x11)]),
  ],
  ['version 1 in the binary form', binary(0x11, 0x11, ipv4Block)],
  ['version 3', binary(0x31, 0x11, ipv4Block)],
  ['a command that there is not', binary(0x22, 0x11, ipv4Block)],
  ['a family that there is not', binary(0x21, 0x41, ipv4Block)],
  ['a transport that there is not', binary(0x21, 0x13, ipv4Block)],
  ['a block too short for IPv4', binary(0x21, 0x11, ipv4Block.subarray(1))],
  ['a block too short for IPv6', binary(0x21, 0x21, ipv6Block.subarray(1))],
  ['a block too short for Unix', binary(0x21, 0x31, unixBlock.subarray(1))],
  ['longer than is read', binary(0x21, 0x11, ipv4Block, proxyHeaderBytesMax - 15)],
]

for (const [what, bytes, ends] of accepted) {
  test(`accepted: ${what}, whole, with more behind it, and in any two pieces`, () => {
    assert.deepEqual(readProxyHeader(bytes), { bytes: bytes.length, ...ends })
    const more = Buffer.concat([bytes, Buffer.from('\r\nPROXY ')])
    assert.deepEqual(readProxyHeader(more), { bytes: bytes.length, ...ends })
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(readProxyHeader(bytes.subarray(0, length)), 'incomplete', `${length} bytes of it`)
      // What is behind the bytes that have arrived is left from others.
      assert.equal(readProxyHeader(more, length), 'incomplete', `${length} bytes of it, in a larger buffer`)
    }
  })
}

for (const [what, bytes] of malformed) {
  test(`malformed: ${what}`, () => {
    assert.equal(readProxyHeader(bytes), 'malformed')
  })
}

test('the longest line is 107 bytes', () => {
  assert.equal(Buffer.from(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`).length, 107)
})

const written: [string, 1 | 2, SocketAddress | null, SocketAddress | null, string | Uint8Array][] = [
  ['IPv4', 1, ipv4Ends.source, ipv4Ends.destination, 'PROXY TCP4 192.0.2.1 198.51.100.10 8080 54321\r\n'],
  ['IPv6', 1, ipv6Ends.source, ipv6Ends.destination, 'PROXY TCP6 2001:db8::1 2001:db8::2 443 80\r\n'],
  [
    'IPv4 to IPv6',
    1,
    ipv4Ends.source,
    ipv6Ends.destination,
    'PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 8080 80\r\n',
  ],
  ['nobody', 1, null, ipv4Ends.destination, 'PROXY UNKNOWN\r\n'],
  ['Unix', 1, unixEnds.source, unixEnds.destination, 'PROXY UNKNOWN\r\n'],
  ['IPv4', 2, ipv4Ends.source, ipv4Ends.destination, binary(0x21, 0x11, ipv4Block)],
  ['IPv6', 2, ipv6Ends.source, ipv6Ends.destination, binary(0x21, 0x21, ipv6Block)],
  ['Unix', 2, unixEnds.source, unixEnds.destination, binary(0x21, 0x31, unixBlock)],
  ['nobody', 2, null, null, binary(0x21, 0x00, Buffer.alloc(0))],
  ['Unix to IPv4', 2, unixEnds.source, ipv4Ends.destination, binary(0x21, 0x00, Buffer.alloc(0))],
]
for (const [what, version, source, destination, bytes] of written) {
  test(`version ${version} of ${what} is written as the specification has it`, () => {
    assert.deepEqual(
      Buffer.from(writeProxyHeader(version, { source, destination })),
      Buffer.from(bytes as string),
    )
  })
}

function randomAddress(random: Random): SocketAddress {
  const port = random.below(65_536)
  if (random.below(2) === 0)
    return { address: Array.from({ length: 4 }, () => random.below(256)).join('.'), port }
  const words = Array.from({ length: 8 }, () => (random.below(2) === 0 ? 0 : random.below(65_536)))
  // As it is normalised by who reads it.
  const { hostname } = new URL(`http://[${words.map(word => word.toString(16)).join(':')}]`)
  return { address: hostname.slice(1, -1), port }
}

test('what is written is read, at random', t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const random = new Random(seed)
  for (let count = 0; count < 5000; count++) {
    const source = randomAddress(random)
    const destination = randomAddress(random)
    for (const version of [1, 2] as const) {
      const bytes = writeProxyHeader(version, { source, destination })
      const reading = readProxyHeader(bytes)
      assert.ok(
        typeof reading === 'object',
        `${version} ${JSON.stringify([source, destination])}: ${reading}`,
      )
      assert.equal(reading.bytes, bytes.length)
      assert.deepEqual(
        [plain(reading.source), plain(reading.destination)],
        [plain(source), plain(destination)],
      )
    }
  }
})

/** An IPv4 address that travels as IPv6 is the same address. */
function plain(address: SocketAddress | null): unknown {
  if (address === null || 'path' in address) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address.address)
  return { ...address, address: mapped?.[1] ?? address.address }
}

test('bytes at random are read without fail, and more of them never take back what was decided', t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const random = new Random(seed)
  const outcomes = { accepted: 0, malformed: 0, incomplete: 0 }
  for (let count = 0; count < 5000; count++) {
    const bytes = mutated(random, random.pick(accepted)![1])
    let before: ProxyHeaderReading = 'incomplete'
    for (let length = 0; length <= bytes.length; length++) {
      const reading = readProxyHeader(bytes.subarray(0, length))
      if (before !== 'incomplete') assert.deepEqual(reading, before, `${length} bytes with seed ${seed}`)
      before = reading
    }
    outcomes[typeof before === 'object' ? 'accepted' : before]++
  }
  t.diagnostic(JSON.stringify(outcomes))
  assert.ok(outcomes.accepted > 100 && outcomes.malformed > 100 && outcomes.incomplete > 100)
})

function mutated(random: Random, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes.subarray(0, 300))
  for (let times = random.below(3); times >= 0; times--) {
    const at = random.below(copy.length)
    copy[at] = random.pick([copy[at]! ^ (1 << random.below(8)), random.below(256), 0x20, 0x0d])!
  }
  return copy.subarray(0, random.below(4) === 0 ? random.below(copy.length + 1) : copy.length)
}
