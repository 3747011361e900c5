import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { eventually } from '../support/eventually.js'
import { calls, needsAddon } from './support.js'

const { EBADF, EINVAL } = constants.errno

test(
  'an idler calls back in every turn, which may sleep in a set of ours, until it is closed',
  needsAddon,
  async () => {
    const epoll = calls.epollCreate()
    const counter = calls.eventfdCreate()
    const loop = calls.loopDescriptor()
    assert.equal(calls.epollControl(epoll, calls.EPOLL_CTL_ADD, counter, calls.EPOLLIN, 7, 9), 0)
    assert.equal(calls.epollControl(epoll, calls.EPOLL_CTL_ADD, loop, calls.EPOLLIN, 0, 0), 0)
    const events = new Uint32Array(3 * 8)
    let taken = 0
    let called = 0
    const idler = calls.idleOpen(() => {
      called++
      const count = calls.idleWait(idler as object as never, epoll, events)
      if (count > 0 && events[2] === 9) {
        taken++
        calls.epollControl(epoll, calls.EPOLL_CTL_DEL, counter, 0, 0, 0)
      }
    })
    assert.ok(typeof idler !== 'number')
    assert.equal(calls.idleKeepAlive(idler, 1), 0)
    assert.equal(calls.eventfdAdd(counter), 0)
    await eventually(
      () => taken === 1,
      () => `called ${called} times`,
    )
    assert.deepEqual([...events.subarray(0, 3)], [calls.EPOLLIN, 7, 9])
    assert.equal(calls.idleClose(idler), 0)
    assert.equal(calls.idleClose(idler), -EBADF)
    assert.equal(calls.idleKeepAlive(idler, 1), -EBADF)
    assert.equal(calls.idleWait(idler, epoll, events), -EBADF)
    const before = called
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
    assert.equal(called, before)
    for (const fd of [epoll, counter]) assert.equal(calls.close(fd), 0)
  },
)

test('there is no sleeping while the loop has something to do', needsAddon, async () => {
  const epoll = calls.epollCreate()
  const counter = calls.eventfdCreate()
  assert.equal(calls.epollControl(epoll, calls.EPOLL_CTL_ADD, counter, calls.EPOLLIN, 7, 9), 0)
  assert.equal(calls.eventfdAdd(counter), 0)
  const events = new Uint32Array(3)
  const counts: number[] = []
  const idler = calls.idleOpen(() => {
    // An immediate waits: what there is is taken, once.
    if (counts.length === 0)
      for (let call = 0; call < 3; call++)
        counts.push(calls.idleWait(idler as object as never, epoll, events))
  })
  assert.ok(typeof idler !== 'number')
  let again = true
  const repeat = (): void => {
    if (again) setImmediate(repeat)
  }
  repeat()
  await eventually(
    () => counts.length > 0,
    () => 'there is no calling back',
  )
  again = false
  assert.deepEqual(counts, [1, 0, 0])
  assert.equal(calls.epollWait(epoll, new Uint32Array(0)), -EINVAL)
  assert.equal(calls.idleClose(idler), 0)
  for (const fd of [epoll, counter]) assert.equal(calls.close(fd), 0)
})
