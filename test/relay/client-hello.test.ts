import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KiB } from '#sluice/base/units.js'
import { clientHelloBytesMax, readServerName, type ServerName } from '#sluice/relay/client-hello.js'
import { Random, seedFromEnvironment } from '../support/random.js'
import { clientHello, inRecords, nodesReading } from './client-hellos.js'

const name = 'www.example.org'
const named: ServerName = { kind: 'name', name }

const kinds = {
  'TLS 1.3': { minVersion: 'TLSv1.3' },
  'TLS 1.2': { maxVersion: 'TLSv1.2' },
  'many protocols': { ALPNProtocols: Array.from({ length: 40 }, (_, index) => `protocol-${index}`) },
  'few ciphers': { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
} as const

for (const [kind, options] of Object.entries(kinds)) {
  test(`the name in a ClientHello of ${kind}, whole, in any two pieces, and in records of any size`, async () => {
    const hello = await clientHello({ ...options, servername: name })
    assert.deepEqual(readServerName(hello), named)
    assert.deepEqual(readServerName(Buffer.concat([hello, Buffer.from('early data')])), named)
    for (let length = 0; length < hello.length; length++) {
      assert.equal(readServerName(hello.subarray(0, length)).kind, 'incomplete')
      assert.equal(readServerName(hello, length).kind, 'incomplete')
    }
    for (let recordBytes = Math.ceil(hello.length / 60); recordBytes < hello.length; recordBytes += 7) {
      const records = inRecords(hello, recordBytes)
      assert.deepEqual(readServerName(records), named)
      assert.equal(readServerName(records.subarray(0, -1)).kind, 'incomplete')
    }
    assert.equal(await nodesReading(hello), name, 'Node hears the same')
  })
}

test('a ClientHello without a name, and what is no TLS, have none', async () => {
  assert.equal(readServerName(await clientHello()).kind, 'none')
  assert.equal(readServerName(await clientHello({ maxVersion: 'TLSv1.2' })).kind, 'none')
  for (const text of [
    'GET / HTTP/1.1\r\n',
    'SSH-2.0-OpenSSH\r\n',
    '\x00\x00\x00\x08\x04\xd2\x16\x2f',
    '\x80',
  ])
    assert.equal(readServerName(Buffer.from(text, 'latin1')).kind, 'none')
})

test('names are told in small letters, and without the dot that ends them', async () => {
  for (const servername of ['WWW.Example.ORG', 'www.example.org.'])
    assert.deepEqual(readServerName(await clientHello({ servername })), named)
})

/** A hello with nothing but what is needed, and these extensions. */
function bare(
  extensions: Buffer | null,
  { version = 0x0303, session = 0, suites = 2, compressions = 1 } = {},
): Buffer {
  const body = Buffer.concat([
    word(version),
    Buffer.alloc(32, 7),
    Buffer.of(session),
    Buffer.alloc(session),
    word(suites),
    Buffer.alloc(suites, 0x13),
    Buffer.of(compressions),
    Buffer.alloc(compressions),
    ...(extensions === null ? [] : [word(extensions.length), extensions]),
  ])
  return record(Buffer.concat([Buffer.of(1, 0), word(body.length), body]))
}

function record(message: Buffer): Buffer {
  return Buffer.concat([Buffer.of(22, 3, 1), word(message.length), message])
}

function word(number: number): Buffer {
  return Buffer.of(number >> 8, number & 255)
}

function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([word(type), word(data.length), data])
}

function nameList(...entries: Buffer[]): Buffer {
  const list = Buffer.concat(entries)
  return Buffer.concat([word(list.length), list])
}

function entry(text: string, type = 0): Buffer {
  return Buffer.concat([Buffer.of(type), word(text.length), Buffer.from(text, 'latin1')])
}

function withName(text: string): Buffer {
  return extension(0, nameList(entry(text)))
}

test('the least ClientHello is read', () => {
  assert.deepEqual(readServerName(bare(withName(name))), named)
  assert.equal(readServerName(bare(Buffer.alloc(0))).kind, 'none')
  assert.equal(readServerName(bare(null)).kind, 'none')
  assert.deepEqual(
    readServerName(bare(Buffer.concat([extension(0x0a0a, Buffer.alloc(0)), withName(name)]))),
    named,
  )
})

const good = bare(withName(name))
const malformed: [string, Buffer][] = [
  ['a record of another version', patched(good, 1, 2)],
  ['an empty record', Buffer.of(22, 3, 1, 0, 0)],
  ['a record that is too long', Buffer.of(22, 3, 1, 0x40, 1)],
  ['another message', patched(good, 5, 2)],
  ['a message that is too long', Buffer.concat([Buffer.of(22, 3, 1, 0x40, 0), Buffer.of(1, 0, 0x40, 1)])],
  ['another message in the same record', record(Buffer.concat([good.subarray(5), Buffer.of(1)]))],
  [
    'an alert between two records',
    Buffer.concat([inRecords(good, 40).subarray(0, 45), Buffer.of(21, 3, 1, 0, 2)]),
  ],
  ['SSL 2', bare(withName(name), { version: 0x0200 })],
  ['a session of 33 bytes', bare(withName(name), { session: 33 })],
  ['no cipher suites', bare(withName(name), { suites: 0 })],
  ['half a cipher suite', bare(withName(name), { suites: 3 })],
  ['no compression', bare(withName(name), { compressions: 0 })],
  ['extensions that end early', bare(extension(0, nameList(entry(name))).subarray(0, -1))],
  ['half an extension', bare(Buffer.concat([withName(name), Buffer.of(0)]))],
  ['two names', bare(extension(0, nameList(entry(name), entry('other.example.org'))))],
  ['two lists of names', bare(Buffer.concat([withName(name), withName(name)]))],
  ['an empty list', bare(extension(0, nameList()))],
  ['no list', bare(extension(0, Buffer.alloc(0)))],
  ['bytes behind the list', bare(extension(0, Buffer.concat([nameList(entry(name)), Buffer.of(0)])))],
  ['another type of name', bare(extension(0, nameList(entry(name, 1))))],
  ['an empty name', bare(withName(''))],
  ['a name that is too long', bare(withName('a'.repeat(256)))],
  ['a NUL in a name', bare(withName('www.example.org\0.evil.org'))],
  ['a space in a name', bare(withName('www.example.org '))],
  ['letters beyond ASCII', bare(withName('ex\xe4mple.org'))],
  ['an empty label', bare(withName('www..example.org'))],
  ['an IPv6 address', bare(withName('[::1]'))],
]
for (const [what, bytes] of malformed) {
  test(`malformed: ${what}`, () => {
    assert.equal(readServerName(bytes).kind, 'malformed')
  })
}

function patched(bytes: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = byte
  return copy
}

test('what never becomes complete is malformed before the buffer is full', async () => {
  const endless = Buffer.concat(Array.from({ length: 70 }, () => Buffer.of(22, 3, 1, 0, 1, 1)))
  const large = await clientHello({
    servername: name,
    ALPNProtocols: Array.from({ length: 60 }, (_, index) => `${'p'.repeat(240)}${index}`),
  })
  assert.ok(large.length > 14 * KiB)
  assert.deepEqual(readServerName(inRecords(large, 256)), named, '64 records')
  assert.equal(readServerName(inRecords(large, 128)).kind, 'malformed', 'more records')
  for (const bytes of [endless, inRecords(large, 100)]) {
    const length = Math.min(bytes.length, clientHelloBytesMax)
    assert.equal(readServerName(bytes.subarray(0, length)).kind, 'malformed')
  }
})

test('where Node hears a name we hear the same or refuse, of ClientHellos that were changed at random', async t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const random = new Random(seed)
  const hellos = [
    await clientHello({ servername: name }),
    await clientHello({ servername: name, maxVersion: 'TLSv1.2' }),
    await clientHello({ servername: 'a.b' }),
    await clientHello(),
  ]
  const heard = { name: 0, none: 0, malformed: 0, incomplete: 0 }
  for (let count = 0; count < 1500; count++) {
    const hello = mutated(random, random.pick(hellos)!)
    const ours = readServerName(hello)
    heard[ours.kind]++
    // Who waits for more harms nobody.
    if (ours.kind === 'incomplete') continue
    const nodes = await nodesReading(hello)
    const said = `${JSON.stringify(ours)}, and Node ${nodes} with seed ${seed}: ${hello.toString('hex')}`
    if (typeof nodes === 'string' && ours.kind === 'name') assert.equal(ours.name, nodes.toLowerCase(), said)
    else if (typeof nodes === 'string') assert.ok(ours.kind === 'malformed', said)
    else if (nodes === null) assert.ok(ours.kind !== 'name', said)
  }
  t.diagnostic(JSON.stringify(heard))
  assert.ok(heard.name > 100 && heard.none > 20 && heard.malformed > 20, 'every outcome was met')
})

/** Changes are made most where the structure is: in lengths and types, and around the name. */
function mutated(random: Random, hello: Buffer): Buffer {
  let copy = Buffer.from(hello)
  const nameAt = copy.indexOf('example')
  for (let times = random.below(3); times >= 0; times--) {
    const near =
      nameAt === -1 || random.below(2) === 0 ? random.below(copy.length) : nameAt - 20 + random.below(40)
    const at = Math.min(Math.max(near, 0), copy.length - 1)
    const kind = random.below(8)
    if (kind === 0) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1)])
    else if (kind === 1)
      copy = Buffer.concat([copy.subarray(0, at), Buffer.of(random.below(256)), copy.subarray(at)])
    else copy[at] = random.pick([copy[at]! ^ (1 << random.below(8)), random.below(256), 0, copy[at]! + 1])!
  }
  return random.below(3) === 0 ? inRecords(copy, 20 + random.below(copy.length)) : copy
}
