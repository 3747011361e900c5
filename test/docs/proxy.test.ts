/** What docs/proxy.md shows is what there is: its options, their flags and defaults, and its examples. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Command } from 'commander'
import { proxyCommand } from '#sluice/cli/proxy.js'
import { addProxyFlags, optionsFrom } from '#sluice/cli/proxy-flags.js'
import { parseProxyFile } from '#sluice/relay/config-file.js'
import { connectionLine } from '#sluice/relay/connection-line.js'
import { proxyNumbers } from '#sluice/relay/number-options.js'
import { type ProxyOptions, proxyOptionNames } from '#sluice/relay/options.js'
import { resolveProxyOptions } from '#sluice/relay/resolve-options.js'

const page = readFileSync('docs/proxy.md', 'utf8')
const rows = [...page.matchAll(/^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$/gm)].map(
  ([, name, flags, otherwise, meaning]) => ({
    name: name!,
    flags: [...flags!.matchAll(/`(--[a-z-]+)`/g)].map(([, flag]) => flag!),
    otherwise: otherwise!.trim(),
    meaning: meaning!,
  }),
)

test('the table has every option, with what it says and its default', () => {
  const names = proxyOptionNames.filter(name => name !== '$schema')
  assert.deepEqual(rows.map(({ name }) => name).sort(), names.sort())
  for (const [name, { otherwise, says }] of Object.entries(proxyNumbers)) {
    const row = rows.find(row => row.name === name)!
    assert.deepEqual([row.otherwise, row.meaning], [String(otherwise), says])
  }
})

test('every flag of the page is one, and every flag is on the page', () => {
  const flags = proxyCommand().options.map(({ long }) => long!)
  const shown = [...page.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)].map(([flag]) => flag)
  assert.deepEqual(new Set(shown), new Set(flags))
})

test('the commands of the page are understood', () => {
  const commands = [...page.matchAll(/^sluice proxy (.*)$/gm)].map(([, args]) => args!)
  assert.ok(commands.length >= 5)
  for (const args of commands) {
    const command = new Command('proxy').option('--metrics <x>').option('--config <file>')
    const flags = addProxyFlags(command)
    command.parse(
      args.split(' ').map(arg => arg.replace(/^'(.*)'$/, '$1')),
      { from: 'user' },
    )
    const file = command.opts().config === undefined ? {} : parseProxyFile(example(), 'redis.json')
    resolveProxyOptions(optionsFrom(flags, file))
  }
})

test('the file of the page is one', () => {
  resolveProxyOptions(parseProxyFile(example(), 'redis.json') as ProxyOptions)
})

test('the line of the page is how lines are', () => {
  const [, line] = /^(time=.*)$/m.exec(page)!
  const shown = connectionLine({
    client: { address: '192.0.2.1', port: 40_000 },
    serverName: null,
    upstream: { address: '10.0.0.1', port: 5432 },
    beganMs: Date.UTC(2026, 10, 20, 11, 36, 0, 123),
    ms: 1204,
    queueMs: 0,
    connectMs: 1,
    attempts: 1,
    toUpstream: { spliced: 1_048_576, copied: 64 },
    toClient: { spliced: 0, copied: 512 },
    ending: 'ended',
  })
  assert.equal(`${line}\n`, shown)
})

function example(): string {
  return /```json\n(.*?)```/s.exec(page)![1]!
}
