import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkRouteName, NameRoutes } from '#sluice/relay/name-routes.js'

const routes = new NameRoutes([
  ['example.org', 'exact'],
  ['*.example.org', 'below'],
  ['*.deep.example.org', 'deeper'],
  ['a.deep.example.org', 'exact below'],
  ['*.org', 'all of org'],
])

const found: [string, string | null][] = [
  ['example.org', 'exact'],
  ['www.example.org', 'below'],
  ['a.b.example.org', 'below'],
  ['deep.example.org', 'below'],
  ['b.deep.example.org', 'deeper'],
  ['c.b.deep.example.org', 'deeper'],
  ['a.deep.example.org', 'exact below'],
  ['notexample.org', 'all of org'],
  ['org', null],
  ['example.com', null],
  ['xorg', null],
  ['', null],
  ['*.example.org', 'below'],
]
for (const [name, where] of found) {
  test(`${name === '' ? 'no name' : name} leads to ${where}`, () => {
    assert.equal(routes.find(name), where)
  })
}

test('names of routes are names, perhaps with *. before them', () => {
  assert.equal(checkRouteName('--sni', 'WWW.Example.org'), 'www.example.org')
  assert.equal(checkRouteName('--sni', '*.Example.org'), '*.example.org')
  assert.equal(checkRouteName('--sni', 'localhost'), 'localhost')
  for (const wrong of ['', '*', '*.', 'a.*.org', '*a.org', 'a b', 'a..b', 'a.', '-a.org', 'ä.org', 'a/b']) {
    assert.throws(() => checkRouteName('--sni', wrong), {
      code: 'ERR_SLUICE_OPTION',
      message: /^--sni must be a name such as a\.example\.org or \*\.example\.org, not "/,
    })
  }
})
