/** Requests made of everything that has ever been a trick, at random; SLUICE_SEED repeats a run. */
import assert from 'node:assert/strict'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Random, seedFromEnvironment } from '../support/random.js'
import { onEveryServer } from './servers.js'
import { descriptorCount, folderOf, parseAnswers, requestText, sendRaw, until } from './support.js'

const connections = 60
const requestsEach = 50

const pathPieces = [
  ...[
    '/',
    '//',
    '.',
    '..',
    '%2e',
    '%2E%2e',
    '%2f',
    '%5c',
    '\\',
    '%00',
    '%',
    '%z',
    '%4',
    ';',
    '?',
    '#',
    '&',
    '=',
  ],
  ...[
    'a.txt',
    'dir',
    'index.html',
    'x.js',
    'out',
    'loop',
    'secret',
    '.hidden',
    '.well-known',
    '%61.txt',
    'é',
  ],
  ...[
    '%c0%ae',
    '%ff',
    '%u002e',
    '%252e',
    '~',
    ':',
    '@',
    'http://',
    'example',
    '*',
    '%0d%0a',
    '%20',
    'z'.repeat(300),
  ],
]
const headerPieces: Record<string, string[]> = {
  Range: [
    'bytes',
    '=',
    '0',
    '1',
    '-',
    ',',
    ' ',
    '99999999999999999999',
    'items',
    '-5',
    '0-0',
    'bytes=0-1',
    'x',
  ],
  'If-None-Match': ['"', 'W/', '*', ',', ' ', 'a', '"a"', '\\', '\xff'],
  'If-Match': ['"', 'W/', '*', ',', ' ', 'a', '"a"'],
  'If-Range': ['"a"', 'W/"a"', 'Sun, 06 Nov 1994 08:49:37 GMT', ',', 'x'],
  'If-Modified-Since': ['Sun, 06 Nov 1994 08:49:37 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', ',', 'x', '1'],
  'If-Unmodified-Since': ['Sun, 06 Nov 1994 08:49:37 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'x'],
  'Accept-Encoding': ['br', 'gzip', 'zstd', 'identity', '*', ',', ';', 'q=', '0', '1', '0.5', ' '],
}
const methods = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE']
const expected = new Set([200, 204, 206, 301, 304, 400, 404, 405, 406, 412, 416])

for (const options of [{}, { listing: true }, { spa: true }, { dotfiles: 'allow' as const, listing: true }]) {
  onEveryServer(
    `no request is answered with an error of ours or a file outside: ${JSON.stringify(options)}`,
    async (t, serve) => {
      const seed = seedFromEnvironment()
      t.diagnostic(`SLUICE_SEED=${seed}`)
      const random = new Random(seed)
      const folder = folderOf(t, {
        secret: 'TOP-SECRET',
        'root/a.txt': 'a'.repeat(5000),
        'root/index.html': 'index',
        'root/dir/a.txt': 'a',
        'root/x.js': 'x',
        'root/x.js.br': 'br',
        'root/.hidden': 'hidden',
        'root/.well-known/a.txt': 'known',
      })
      writeFileSync(Buffer.concat([Buffer.from(`${folder}/root/`), Buffer.from([0xff])]), 'bytes')
      symlinkSync('../secret', join(folder, 'root', 'out'))
      symlinkSync('loop', join(folder, 'root', 'loop'))
      const { port } = await serve(t, join(folder, 'root'), options)
      // What is opened once, by the first request, counts as having been there before.
      await sendRaw(port, requestText('/a.txt', { headers: { Connection: 'close' } }))
      const before = descriptorCount()
      for (let connection = 0; connection < connections; connection++) {
        const asked = Array.from({ length: requestsEach }, () => randomRequest(random))
        asked.push({ method: 'GET', target: '/a.txt', headers: { Connection: 'close' } })
        const text = asked.map(({ target, ...question }) => requestText(target, question)).join('')
        const answers = parseAnswers(
          await sendRaw(port, text),
          asked.map(({ method }) => method),
        )
        assert.equal(answers.length, asked.length)
        for (const [index, { status, headers, body }] of answers.entries()) {
          const what = `${JSON.stringify(asked[index])} with seed ${seed}`
          assert.ok(expected.has(status), `${status} for ${what}`)
          assert.ok(!body.includes('TOP-SECRET'), what)
          assert.ok(options.dotfiles === 'allow' || !body.includes('hidden'), what)
          if (headers.location !== undefined)
            assert.match(headers.location, /^\/(?:[\x21-\x2e\x30-\x5b\x5d-\x7e]|$)/, what)
        }
        assert.equal(answers.at(-1)!.body.length, 5000)
      }
      await until(() => !(descriptorCount() > before))
    },
  )
}

function randomRequest(random: Random) {
  const headers: Record<string, string> = {}
  for (const [name, pieces] of Object.entries(headerPieces)) {
    if (random.below(4) === 0) headers[name] = randomText(random, pieces, 8)
  }
  const method = random.pick(methods)!
  if (method === 'POST') headers['Content-Length'] = '0'
  // What the parser itself refuses, such as bytes beyond ASCII, would close the connection.
  const path = randomText(random, pathPieces, 6).replace(/[^\x21-\x7e]/g, '')
  return { method, target: random.below(20) === 0 ? `http://example/${path}` : `/${path}`, headers }
}

function randomText(random: Random, pieces: readonly string[], lengthMax: number): string {
  return Array.from({ length: 1 + random.below(lengthMax) }, () => random.pick(pieces)!).join('')
}
