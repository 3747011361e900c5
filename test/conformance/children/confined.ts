/**
 * Moves some bytes by every route, in a process that lacks something: whatever that is, they get there all the same, or
 * the transfer says that there are no descriptors. Prints a line of JSON for each route. Argument: what to use up first.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { SluiceError } from '#sluice/base/errors.js'
import { native } from '#sluice/native/load.js'
import type { SinkLike, SourceLike } from '#sluice/transfer/ends/ends.js'
import type { PathName } from '#sluice/transfer/plan/path.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { type Route, routes } from '../routes.js'
import { keepFile } from '../sources.js'

/** How a route went: the path and why; null where there were no descriptors. */
export interface Confined {
  readonly name: string
  readonly prefer: PathName
  readonly path: PathName | null
  readonly why: string
}

const [lack] = process.argv.slice(2)
const bytes = randomBytes(300_000)
/** What a transfer opens at most: two pipes for each of two sinks and one more, and an end or two. */
const descriptorsNeeded = 14

keepFile(bytes)
if (lack === 'pipes') useUpPipes()

for (const route of routes) {
  test(route.name, async t => {
    const lefts = lack === 'descriptors' ? [0, 1, 2, 3, 5, descriptorsNeeded] : [null]
    for (const left of lefts) {
      const { path, why } = await move(t, route, left)
      console.log(JSON.stringify({ name: route.name, prefer: route.prefer, path, why } satisfies Confined))
      if (left === descriptorsNeeded) assert.notEqual(path, null, why)
    }
  })
}

/** `left`: how many descriptors there are, where that is limited. */
async function move(
  t: TestContext,
  { source, sink, prefer }: Route,
  left: number | null,
): Promise<Pick<Confined, 'path' | 'why'>> {
  const to = await sink.open(t)
  const { from } = await source.open(t, bytes)
  const taken = left === null ? [] : useUpDescriptors(left)
  try {
    const { path, why } = await transfer(from as SourceLike, to.to as SinkLike, { prefer })
    for (const fd of taken.splice(0)) closeSync(fd)
    assert.ok((await to.finish()).equals(bytes))
    return { path, why }
  } catch (error) {
    assert.ok(error instanceof SluiceError && error.code === 'ERR_SLUICE_DESCRIPTORS', `${error}`)
    return { path: null, why: error.message }
  } finally {
    for (const fd of taken) closeSync(fd)
  }
}

function useUpDescriptors(left: number): number[] {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EMFILE')
  }
  for (const fd of taken.splice(0, left)) closeSync(fd)
  return taken
}

/** Opens pipes until the user's pages for them are used up, pipe(7): each new one has two. */
function useUpPipes(): void {
  const { pipe2, fcntl, F_GETPIPE_SZ, PAGE_BYTES } = native!
  const ends = new Int32Array(2)
  do assert.equal(pipe2(ends, native!.O_CLOEXEC), 0)
  while (fcntl(ends[0]!, F_GETPIPE_SZ, 0) > 2 * PAGE_BYTES)
}
