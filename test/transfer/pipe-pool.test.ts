/** What becomes of a pipe that goes back to its pool. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KiB, MiB } from '#sluice/base/units.js'
import { type Pipe, PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../support/addon.js'
import { nativeWith } from '../support/scripted-native.js'

/** As many as may be large at once. */
const enlargedMax = 16

for (const empty of [true, false]) {
  const name = empty ? 'is small again' : 'with something in it is closed'
  test(`a large pipe ${name}, and makes room for another`, needsAddon, () => {
    const { pool, pipeOf } = scripted()
    const large = Array.from({ length: enlargedMax }, pipeOf)
    for (const pipe of large) pool.enlarge(pipe)
    const other = pipeOf()
    pool.enlarge(other)
    assert.equal(other.capacity, 256 * KiB)
    pool.give(large[0]!, empty)
    assert.equal(large[0]!.closed, empty ? 0 : 1)
    if (empty) assert.equal(large[0]!.capacity, 256 * KiB)
    pool.enlarge(other)
    assert.equal(other.capacity, 1 * MiB)
  })
}

interface Scripted {
  readonly pool: PipePool
  readonly pipeOf: () => Pipe & { closed: number }
}

/** A pool whose pipes, of descriptors that are made up, get what size they ask for. */
function scripted(): Scripted {
  const pool = new PipePool(nativeWith({ fcntl: (_fd, _command, bytes) => bytes }))
  const pipeOf = (): Pipe & { closed: number } => {
    const pipe = { readFd: 1001, writeFd: 1002, capacity: 256 * KiB, closed: 0, close: () => pipe.closed++ }
    return pipe
  }
  return { pool, pipeOf }
}
