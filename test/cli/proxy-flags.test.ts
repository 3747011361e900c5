import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Command } from 'commander'
import { addProxyFlags, optionsFrom } from '#sluice/cli/proxy-flags.js'
import type { ProxyFile } from '#sluice/relay/config-file.js'
import { checkNumbers, proxyNumbers, upstreamNumbers } from '#sluice/relay/number-options.js'
import type { ProxyOptions } from '#sluice/relay/options.js'
import { resolveProxyOptions } from '#sluice/relay/resolve-options.js'

function options(args: readonly string[], file: ProxyFile = {}): ProxyOptions {
  const command = new Command('proxy')
  const flags = addProxyFlags(command)
  command.parse(args, { from: 'user' })
  return optionsFrom(flags, file)
}

const listen = ['--listen', '127.0.0.1:9000']
const least = [...listen, '--to', 'a:1']

test('flags give options', () => {
  const given = options([
    ...listen,
    ...['--to', 'a:1, b:2', '--to', 'c:3', '--backup', 'unix:/d'],
    ...['--upstream-connections-max', '50', '--balance', 'least-connections'],
    ...['--sni', 'A.example.org=e:1,f:2', '--sni', 'a.example.org=g:3', '--sni', '*.example.org=h:4'],
    ...['--mirror', 'tcp:m:1', '--mirror-slow', 'wait', '--mirror-of', 'both'],
    ...['--proxy-protocol', 'both', '--proxy-protocol-version', '2'],
    ...['--deny', '10.0.0.7', '--allow', '10.0.0.0/8,unix', '--deny', 'all'],
    ...['--connect-timeout', '2s', '--idle-timeout', '0', '--connections-max', '9', '--queue-max', '0'],
    ...['--check-rise', '3', '--name-server', '192.0.2.1,192.0.2.2'],
  ])
  const connectionsMax = 50
  assert.deepEqual(given, {
    listen: '127.0.0.1:9000',
    upstreams: [
      { address: 'a:1', connectionsMax },
      { address: 'b:2', connectionsMax },
      { address: 'c:3', connectionsMax },
      { address: 'unix:/d', connectionsMax, backup: true },
    ],
    balance: 'least-connections',
    sni: {
      'a.example.org': [
        { address: 'e:1', connectionsMax },
        { address: 'f:2', connectionsMax },
        { address: 'g:3', connectionsMax },
      ],
      '*.example.org': [{ address: 'h:4', connectionsMax }],
    },
    mirror: { to: 'tcp:m:1', slow: 'wait', of: 'both' },
    proxyProtocol: 'both',
    proxyProtocolVersion: 2,
    access: [{ deny: '10.0.0.7' }, { allow: '10.0.0.0/8' }, { allow: 'unix' }, { deny: 'all' }],
    connectMs: 2000,
    idleMs: 0,
    connectionsMax: 9,
    queueMax: 0,
    check: { rise: 3 },
    nameServers: ['192.0.2.1', '192.0.2.2'],
  })
  resolveProxyOptions(given)
})

test('what is not given by flag is as the file has it', () => {
  const file: ProxyFile = {
    listen: '127.0.0.1:1',
    upstreams: ['x:1'],
    mirror: 'file:x',
    check: { fall: 9 },
    access: [{ deny: 'all' }],
    idleMs: 5,
  }
  assert.deepEqual(options([], file), file)
  assert.deepEqual(options(['--mirror-slow', 'wait', '--check', '--idle-timeout', '7ms'], file), {
    ...file,
    mirror: { to: 'file:x', slow: 'wait' },
    check: { fall: 9 },
    idleMs: 7,
  })
  assert.deepEqual(options([...least, '--allow', 'unix'], file).access, [{ allow: 'unix' }])
  assert.deepEqual(options(['--check'], { ...file, check: false }).check, {})
})

test('every number has a flag, which says what it is and its default', () => {
  const command = new Command('proxy')
  addProxyFlags(command)
  const numbers = command.options.filter(({ flags }) => /<(number|time)>$/.test(flags))
  const texts = numbers.map(({ description }) => description)
  for (const { says } of Object.values({
    ...proxyNumbers,
    ...checkNumbers,
    limit: upstreamNumbers.connectionsMax,
  }))
    assert.ok(
      texts.some(text => text.includes(says)),
      says,
    )
  for (const text of texts) assert.match(text, /\(default: \d+[a-z]*\)$/)
})

const wrong: [string[], string][] = [
  [[], '--listen is missing, and no --config has it'],
  [listen, '--to or --sni is missing, and no --config has it'],
  [
    ['--listen', '9000'],
    '--listen must be host:port, [IPv6 address]:port with a port of 0 to 65535, or unix:/path with at most 107 bytes, not "9000"',
  ],
  [
    [...listen, '--to', 'a:1,b'],
    '--to must be host:port, [IPv6 address]:port with a port of 1 to 65535, or unix:/path with at most 107 bytes, not "b"',
  ],
  [[...listen, '--to', 'a:1,,b:1'], '--to must be host:port'],
  [[...least, '--backup', 'b:0'], '--backup must be host:port'],
  [
    [...least, '--balance', 'fair'],
    '--balance must be one of round-robin, least-connections, source-hash, not "fair"',
  ],
  [
    [...least, '--sni', 'a.example.org'],
    '--sni must be name=host:port, as in www.example.org=127.0.0.1:8443, not "a.example.org"',
  ],
  [[...least, '--sni', '*a=b:1'], '--sni must be a name such as a.example.org or *.example.org, not "*a"'],
  [[...least, '--sni', 'a=b'], '--sni must be host:port'],
  [[...least, '--mirror', 'b:1'], '--mirror must be tcp:host:port, unix:/path or file:path, not "b:1"'],
  [[...least, '--mirror-slow', 'drop'], '--mirror is missing, and no --config has it'],
  [[...least, '--mirror-slow', 'x'], '--mirror-slow must be one of wait, drop, not "x"'],
  [[...least, '--mirror-of', 'x'], '--mirror-of must be one of client, both, not "x"'],
  [[...least, '--proxy-protocol', 'yes'], '--proxy-protocol must be one of none, in, out, both, not "yes"'],
  [[...least, '--proxy-protocol-version', '3'], '--proxy-protocol-version must be one of 1, 2, not "3"'],
  [
    [...least, '--allow', '10.0.0.0/99'],
    '--allow must be an address, address/bits, unix or all, not "10.0.0.0/99"',
  ],
  [[...least, '--deny', 'everybody'], '--deny must be an address'],
  [[...least, '--connect-timeout', '0'], '--connect-timeout must be 1ms or more, not "0"'],
  [[...least, '--idle-timeout', '5 s'], '--idle-timeout must be a time of at most 24 days'],
  [[...least, '--connections-max', '0'], '--connections-max must be a whole number, 1 to 1048576, not "0"'],
  [[...least, '--queue-max', '1e3'], '--queue-max must be a whole number, 0 to 1048576, not "1e3"'],
  [[...least, '--check-rise', 'x'], '--check-rise must be a whole number, 1 to 1000, not "x"'],
  [[...least, '--check-interval', 'x'], '--check-interval must be a time'],
  [[...least, '--name-server', 'ns'], '--name-server must be'],
]
for (const [args, message] of wrong) {
  test(`refused: ${args.join(' ') || 'nothing'}`, () => {
    assert.throws(
      () => options(args),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'ERR_SLUICE_OPTION')
        assert.ok(error.message.startsWith(message), error.message)
        return true
      },
    )
  })
}
