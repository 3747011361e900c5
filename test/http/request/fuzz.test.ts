/**
 * Our parser against Node's, on requests at random. SLUICE_SEED repeats a run; SLUICE_FUZZ_SECONDS says how long it
 * lasts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random, seedFromEnvironment } from '../../support/random.js'
import { disagreement } from './compare.js'
import { NodeParser } from './node-parser.js'
import { readPieces } from './our-reading.js'
import { cut, randomConnection } from './random-heads.js'

const seconds = Number(process.env.SLUICE_FUZZ_SECONDS ?? 10)
/** A parser that is as wrong as those of the canaries is found out long before. */
const canaryConnectionsMax = 20_000

test('where Node accepts a head we agree or refuse, and where Node refuses we do not accept', async t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const random = new Random(seed)
  const node = new NodeParser()
  const until = performance.now() + seconds * 1000
  let connections = 0
  let accepted = 0
  let refused = 0
  do {
    const bytes = randomConnection(random)
    const nodes = await node.read(cut(random, bytes))
    const ours = readPieces(cut(random, bytes))
    const found = disagreement(ours, nodes)
    assert.equal(found, null, `${found}\nfrom ${JSON.stringify(bytes.toString('latin1'))} with seed ${seed}`)
    connections++
    accepted += ours.requests.length
    if (ours.refusal !== null) refused++
  } while (performance.now() < until)
  t.diagnostic(`${connections} connections: ${accepted} heads were accepted, ${refused} refused`)
  assert.ok(accepted * 5 > connections, 'enough heads were accepted to be compared')
  assert.ok(refused * 5 > connections, 'enough heads were refused')
})

/** What a lax parser does before it looks: the comparison must notice each. */
const weaknesses: Readonly<Record<string, (text: string) => string>> = {
  'bare line feeds': text => text.replace(/\r?\n/g, '\r\n'),
  'space before colons': text => text.replace(/^([\w-]+)[ \t]+:/gm, '$1:'),
  'folded lines': text => text.replace(/\r\n[ \t]+/g, ' '),
  'NUL in values': text => text.replaceAll('\0', ''),
  'letters of any size in methods': text => text.replace(/^[a-z]+ /gm, method => method.toUpperCase()),
  'tabs between the parts of a request line': text => text.replace(/^([A-Z]+)\t/gm, '$1 '),
  'a byte of every target lost': text => text.replace(/^([A-Z]+ \/)[^ ]/gm, '$1'),
}

for (const [weakness, weaken] of Object.entries(weaknesses)) {
  test(`the comparison finds a parser with a weakness: ${weakness}`, async t => {
    const seed = seedFromEnvironment()
    t.diagnostic(`SLUICE_SEED=${seed}`)
    const random = new Random(seed)
    const node = new NodeParser()
    for (let connection = 0; connection < canaryConnectionsMax; connection++) {
      const bytes = randomConnection(random)
      const nodes = await node.read([bytes])
      assert.equal(disagreement(readPieces([bytes]), nodes), null)
      const weakened = Buffer.from(weaken(bytes.toString('latin1')), 'latin1')
      if (disagreement(readPieces([weakened]), nodes) !== null) return
    }
    assert.fail(`nothing was found in ${canaryConnectionsMax} connections with seed ${seed}`)
  })
}
