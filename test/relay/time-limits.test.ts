import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import { type Timed, TimeLimits } from '#sluice/relay/time-limits.js'
import { eventually, stopClock } from '../support/eventually.js'

const none = Number.POSITIVE_INFINITY
const unlimited = { idleMs: none, halfClosedMs: none, lifetimeMs: none }

class Connection implements Timed {
  readonly beganMs = performance.now()
  lastMs = this.beganMs
  halfClosed = false
  moved = false
  looks = 0
  ending = ''

  takeMoved(): boolean {
    this.looks++
    const { moved } = this
    this.moved = false
    return moved
  }

  cut(ending: string): void {
    if (this.ending === '') this.ending = ending
  }
}

function limit(t: TestContext, connection: Timed, limits: Partial<typeof unlimited>): TimeLimits {
  const timeLimits = new TimeLimits(new Map([[connection, null]]), { ...unlimited, ...limits })
  t.after(() => timeLimits.close())
  return timeLimits
}

/** Until it has been looked at with the clock as it stands. */
async function looked(connection: Connection): Promise<void> {
  const before = connection.looks
  await eventually(
    () => connection.looks > before,
    () => 'nobody looks',
  )
}

test('what is idle, half-closed or old for longer than it may be is cut, and nothing else', async t => {
  const move = stopClock(t)
  const [idle, half, old] = [new Connection(), new Connection(), new Connection()]
  limit(t, idle, { idleMs: 100 })
  limit(t, half, { idleMs: 1000, halfClosedMs: 100 })
  limit(t, old, { lifetimeMs: 200 })
  const all = [idle, half, old]
  const endings = async (): Promise<string[]> => {
    await Promise.all(all.map(looked))
    return all.map(({ ending }) => ending)
  }
  move(99)
  assert.deepEqual(await endings(), ['', '', ''])
  for (const connection of all) connection.moved = true
  assert.deepEqual(await endings(), ['', '', ''])
  half.halfClosed = true
  move(99)
  assert.deepEqual(await endings(), ['', '', ''])
  move(3)
  assert.deepEqual(await endings(), ['idle', 'half-closed', 'lifetime'])
})

test('a short limit is looked at more often than a long one, and other limits hold at once', async t => {
  const [short, long] = [new Connection(), new Connection()]
  const move = stopClock(t)
  limit(t, short, { idleMs: 100 })
  const limits = limit(t, long, { idleMs: 600_000 })
  await eventually(
    () => short.looks >= 20,
    () => `${short.looks} looks`,
  )
  assert.ok(long.looks <= short.looks / 2, `${long.looks} looks beside ${short.looks}`)
  limits.limits = { ...unlimited, lifetimeMs: 100 }
  move(101)
  await eventually(
    () => long.ending === 'lifetime',
    () => 'it was not cut',
  )
})
