import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { MiB } from '#sluice/base/units.js'
import { LineWriter } from '#sluice/cli/line-writer.js'

/** A reader that takes nothing until it is told to. */
function slow(): { stream: Writable; text: () => string; take: () => void } {
  let text = ''
  let waiting: (() => void) | null = null
  let taking = false
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      text += chunk
      if (taking) done()
      else waiting = done
    },
  })
  const take = (): void => {
    taking = true
    waiting?.()
  }
  return { stream, text: () => text, take }
}

test('lines for a slow reader are kept up to a limit, and what is lost is told of', async () => {
  const { stream, text, take } = slow()
  const lines = new LineWriter(stream)
  const line = `${'x'.repeat(1023)}\n`
  for (let count = 0; count < 1500; count++) lines.write(line)
  assert.ok(stream.writableLength <= MiB + line.length)
  take()
  await new Promise(resolve => setImmediate(resolve))
  lines.write('after\n')
  assert.equal(text(), `${line.repeat(1024)}lost=476\nafter\n`)
})

test('a reader that has gone loses them', () => {
  const { stream } = slow()
  stream.destroy()
  new LineWriter(stream).write('x\n')
})
