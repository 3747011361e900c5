import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseProxyFile, readProxyFile } from '#sluice/relay/config-file.js'
import { temporaryFolder } from '../support/temporary.js'

test('what the file says is read, without where its schema is', t => {
  const path = join(temporaryFolder(t), 'proxy.json')
  writeFileSync(path, '\ufeff{ "$schema": "x", "listen": "127.0.0.1:1", "upstreams": ["a:1"] }')
  assert.deepEqual(readProxyFile(path), { listen: '127.0.0.1:1', upstreams: ['a:1'] })
})

test('a file that cannot be read says which and why', t => {
  const folder = temporaryFolder(t)
  for (const [path, why] of [
    [join(folder, 'none'), 'ENOENT'],
    [folder, 'EISDIR'],
  ] as const)
    assert.throws(() => readProxyFile(path), {
      code: 'ERR_SLUICE_FILE',
      message: new RegExp(`${path} could not be read: ${why}\\.`),
    })
})

const refused: [string, RegExp][] = [
  ['', /^p\.json is no JSON: Unexpected end of JSON input\. /],
  ['{\n  "listen": "a:1"\n  "upstreams": []\n}', /^p\.json is no JSON: .* in line 3, column 3\. /],
  ['{"listen":"a:1",}', /^p\.json is no JSON: .* in line 1, column 17\. /],
  ['[]', /^p\.json must be an object, not a list\. /],
  ['7', /^p\.json must be an object, not 7\. /],
  ['{ "upstream": [] }', /^upstream is no option: there are listen, /],
  ['{ "onEnd": 1 }', /^onEnd is no option: /],
]
for (const [text, message] of refused) {
  test(`refused: ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseProxyFile(text, 'p.json'), { code: 'ERR_SLUICE_OPTION', message })
  })
}

test('a file that sets __proto__ sets nothing', () => {
  assert.throws(
    () => parseProxyFile('{ "__proto__": { "listen": "a:1" } }', 'p.json'),
    /__proto__ is no option/,
  )
})
