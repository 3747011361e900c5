import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { GroupSettings } from '#sluice/relay/options.js'
import type { Upstream, UpstreamSpec } from '#sluice/relay/upstream.js'
import { type Picked, UpstreamGroup, type Waiter } from '#sluice/relay/upstreams.js'
import { stopClock } from '../support/eventually.js'
import { Random, seedFromEnvironment } from '../support/random.js'

const settings: GroupSettings = {
  upstreams: [],
  balance: 'round-robin',
  queueMax: 10,
  queueMs: 1000,
  failuresMax: 1,
  backoffMs: 1000,
  connectMs: 1000,
  check: null,
}

function spec(host: number, rest: Partial<UpstreamSpec> = {}): UpstreamSpec {
  const address = { address: `192.0.2.${host}`, port: 80 }
  const connectionsMax = Number.POSITIVE_INFINITY
  return { name: `192.0.2.${host}:80`, address, weight: 1, backup: false, connectionsMax, ...rest }
}

function group(specs: UpstreamSpec[], rest: Partial<GroupSettings> = {}): UpstreamGroup {
  const one = new UpstreamGroup({ ...settings, ...rest }, () => {})
  one.update(specs)
  return one
}

class Client implements Waiter {
  readonly client: string
  readonly tried: Upstream[] = []
  /** What became of its waiting. */
  told: Upstream | string | null = null

  constructor(client = '203.0.113.1') {
    this.client = client
  }

  placeFound(upstream: Upstream): void {
    assert.equal(this.told, null)
    this.told = upstream
  }

  placeRefused(why: string): void {
    assert.equal(this.told, null)
    this.told = why
  }
}

function place(picked: Picked): Upstream {
  assert.ok(typeof picked === 'object', `a place, not ${picked}`)
  return picked
}

function pick(from: UpstreamGroup, client = new Client()): Upstream {
  return place(from.pick(client))
}

test('clients are taken in turns, and what they have is counted', () => {
  const one = group([spec(1), spec(2)])
  const [a, b, c] = [pick(one), pick(one), pick(one)]
  assert.notEqual(a, b)
  assert.equal(a, c)
  assert.deepEqual(
    one.statuses('r').map(({ open, route }) => [open, route]),
    [
      [2, 'r'],
      [1, 'r'],
    ],
  )
  a.release()
  assert.equal(a.open, 1)
})

test('who failed for a client is chosen for it again only where nobody else is left', () => {
  const one = group([spec(1), spec(2), spec(3)], { failuresMax: 0 })
  const client = new Client()
  const seen = new Set<Upstream>()
  for (let attempt = 0; attempt < 3; attempt++) {
    const upstream = pick(one, client)
    seen.add(upstream)
    upstream.failed('ECONNREFUSED')
    upstream.release()
    client.tried.push(upstream)
  }
  assert.equal(seen.size, 3)
  assert.ok(seen.has(pick(one, client)))
})

test('backups are used only while nobody else is up, or was tried already', t => {
  const pass = stopClock(t)
  const one = group([spec(1), spec(2, { backup: true })])
  const [primary, backup] = one.upstreams as [Upstream, Upstream]
  for (let count = 0; count < 4; count++) assert.equal(pick(one), primary)
  const client = new Client()
  client.tried.push(primary)
  assert.equal(pick(one, client), backup)
  primary.failed('ECONNREFUSED')
  assert.equal(pick(one), backup)
  pass(1000)
  assert.equal(pick(one), primary, 'one client tries it')
  assert.equal(pick(one), backup, 'and no other')
  primary.connected()
  assert.equal(pick(one), primary)
})

test('a backup does not take what the others have no place for', () => {
  const one = group([spec(1, { connectionsMax: 1 }), spec(2, { backup: true })])
  pick(one)
  assert.equal(one.pick(new Client()), 'queued')
})

test('who finds no place waits in order, and not more than may', () => {
  const one = group([spec(1, { connectionsMax: 1 })], { queueMax: 2 })
  const upstream = pick(one)
  const [first, second] = [new Client(), new Client()]
  assert.equal(one.pick(first), 'queued')
  assert.equal(one.pick(second), 'queued')
  assert.equal(one.pick(new Client()), 'queue full')
  assert.equal(one.waiting, 2)
  upstream.release()
  assert.deepEqual([first.told, second.told, upstream.open], [upstream, null, 1])
  upstream.release()
  assert.equal(second.told, upstream)
})

test('who has left gets no place', () => {
  const one = group([spec(1, { connectionsMax: 1 })])
  const upstream = pick(one)
  const [gone, stays] = [new Client(), new Client()]
  one.pick(gone)
  one.pick(stays)
  one.leave(gone)
  one.leave(gone)
  upstream.release()
  assert.deepEqual([gone.told, stays.told], [null, upstream])
})

test('who waits too long is refused, and those behind later', t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const pass = stopClock(t)
  const both = (ms: number): void => {
    pass(ms)
    t.mock.timers.tick(ms)
  }
  const one = group([spec(1, { connectionsMax: 1 })])
  pick(one)
  const [first, second] = [new Client(), new Client()]
  one.pick(first)
  both(600)
  one.pick(second)
  both(401)
  assert.deepEqual([first.told, second.told], ['queue timeout', null])
  both(598)
  assert.equal(second.told, null)
  both(2)
  assert.equal(second.told, 'queue timeout')
  assert.equal(one.waiting, 0)
})

test('more places, and new upstreams, are for those who wait', () => {
  const one = group([spec(1, { connectionsMax: 1 })])
  pick(one)
  const clients = [new Client(), new Client(), new Client()]
  for (const client of clients) one.pick(client)
  one.update([spec(1, { connectionsMax: 2 })])
  assert.equal(clients[0]!.told, one.upstreams[0])
  assert.equal(clients[1]!.told, null)
  one.update([spec(1, { connectionsMax: 2 }), spec(2, { connectionsMax: 1 })])
  assert.equal(clients[1]!.told, one.upstreams[1])
  assert.equal(clients[2]!.told, null)
})

test('where nobody is up there is nothing to wait for', t => {
  const pass = stopClock(t)
  const one = group([spec(1, { connectionsMax: 1 })])
  const upstream = pick(one)
  const waiting = new Client()
  one.pick(waiting)
  upstream.failed('ETIMEDOUT')
  assert.equal(waiting.told, 'no upstream')
  assert.equal(one.pick(new Client()), 'no upstream')
  upstream.release()
  pass(1000)
  const trial = pick(one)
  const next = new Client()
  assert.equal(one.pick(next), 'queued', 'while somebody tries it may be worth it')
  trial.release()
  const tried = new Client()
  trial.failed('ETIMEDOUT')
  assert.equal(next.told, 'no upstream')
  assert.equal(one.pick(tried), 'no upstream')
})

test('who waits goes on when the trial succeeds', t => {
  const pass = stopClock(t)
  const one = group([spec(1)])
  const upstream = one.upstreams[0]!
  upstream.failed('ECONNREFUSED')
  pass(1000)
  pick(one)
  const clients = [new Client(), new Client()]
  for (const client of clients) assert.equal(one.pick(client), 'queued')
  upstream.connected()
  assert.deepEqual(
    clients.map(({ told }) => told),
    [upstream, upstream],
  )
  assert.equal(upstream.open, 3)
})

test('without upstreams there is none', () => {
  assert.equal(group([]).pick(new Client()), 'no upstream')
})

test('an upstream that is removed takes nobody any more, and goes with its last connection', () => {
  const told: [string, string, number][] = []
  const one = new UpstreamGroup(settings, ({ key, state, open }) => told.push([key, state, open]))
  one.update([spec(1), spec(2)])
  const upstream = pick(one)
  one.update([spec(2)])
  assert.equal(upstream.state, 'draining')
  assert.equal(one.upstreams.length, 2)
  for (let count = 0; count < 4; count++) assert.notEqual(pick(one), upstream)
  upstream.release()
  assert.equal(one.upstreams.length, 1)
  assert.deepEqual(told, [
    ['192.0.2.1:80', 'up', 0],
    ['192.0.2.2:80', 'up', 0],
    ['192.0.2.1:80', 'draining', 1],
    ['192.0.2.1:80', 'draining', 0],
  ])
})

test('an upstream that comes back while it drains is the same', () => {
  const one = group([spec(1)])
  const upstream = pick(one)
  one.update([])
  one.update([spec(1)])
  assert.deepEqual([upstream.state, one.upstreams], ['up', [upstream]])
  assert.equal(pick(one), upstream)
  assert.equal(upstream.open, 2)
})

test('closing refuses who waits, and leaves connections', () => {
  const one = group([spec(1, { connectionsMax: 1 })])
  const upstream = pick(one)
  const waiting = new Client()
  one.pick(waiting)
  one.close()
  assert.deepEqual([waiting.told, upstream.open, one.upstreams.length], ['no upstream', 1, 1])
  upstream.release()
  assert.equal(one.upstreams.length, 0)
})

test('settings may change while it runs', () => {
  const one = group([spec(1), spec(2)])
  one.settings = { ...settings, balance: 'source-hash', failuresMax: 3 }
  const first = pick(one, new Client('198.51.100.7'))
  for (let count = 0; count < 5; count++) assert.equal(pick(one, new Client('198.51.100.7')), first)
  first.failed('a')
  first.failed('b')
  assert.equal(first.state, 'up')
})

test('a hashed upstream that is full passes its client on to the next, always the same', () => {
  const one = group(
    [1, 2, 3].map(host => spec(host, { connectionsMax: 1 })),
    { balance: 'source-hash' },
  )
  const order = [1, 2, 3].map(() => pick(one, new Client('198.51.100.7')))
  assert.equal(new Set(order).size, 3)
  for (const upstream of order) upstream.release()
  assert.deepEqual(
    [1, 2, 3].map(() => pick(one, new Client('198.51.100.7'))),
    order,
  )
})

test('however many have left while they waited, those behind get their place', () => {
  const one = group([spec(1, { connectionsMax: 1 })], { queueMax: 100_000 })
  const upstream = pick(one)
  /** Gives its place back as soon as it has it. */
  class Gone extends Client {
    override placeFound(found: Upstream): void {
      super.placeFound(found)
      found.release()
    }
  }
  for (let count = 0; count < 50_000; count++) one.pick(new Gone())
  const last = new Client()
  one.pick(last)
  upstream.release()
  assert.deepEqual([last.told, upstream.open, one.waiting], [upstream, 1, 0])
})

test('at random: no place is given twice, nobody is forgotten, and counts end at nothing', t => {
  const seed = seedFromEnvironment()
  t.diagnostic(`SLUICE_SEED=${seed}`)
  const { outcomes } = play(t, new Random(seed))
  t.diagnostic(JSON.stringify(outcomes))
  assert.ok(outcomes.found > 100 && outcomes.refused > 10 && outcomes.full > 10, JSON.stringify(outcomes))
})

/** Clients that come, connect, fail, wait and go, while upstreams come, fail and go. */
function play(t: TestContext, random: Random): { outcomes: Record<'found' | 'refused' | 'full', number> } {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const pass = stopClock(t)
  const outcomes = { found: 0, refused: 0, full: 0 }
  const one = group([], { balance: 'least-connections', queueMax: 5 })
  const limit = 3
  let places: Upstream[] = []
  let waiting: Client[] = []
  for (let step = 0; step < 20_000; step++) {
    const act = random.below(10)
    if (act < 4) {
      const client = new Client()
      const picked = one.pick(client)
      if (typeof picked === 'object') places.push(picked)
      else if (picked === 'queued') waiting.push(client)
      else outcomes.full++
    } else if (act < 7 && places.length > 0) {
      const [upstream] = places.splice(random.below(places.length), 1) as [Upstream]
      if (random.below(4) === 0) upstream.failed('ECONNREFUSED')
      else upstream.connected()
      upstream.release()
    } else if (act === 7 && waiting.length > 0) {
      one.leave(waiting.splice(random.below(waiting.length), 1)[0]!)
    } else if (act === 8) {
      const ms = random.below(800)
      pass(ms)
      t.mock.timers.tick(ms)
    } else if (random.below(5) === 0) {
      const hosts = [1, 2, 3, 4].filter(() => random.below(3) > 0)
      one.update(hosts.map(host => spec(host, { connectionsMax: limit })))
    }
    const told = waiting.filter(client => client.told !== null)
    waiting = waiting.filter(client => client.told === null)
    for (const { told: what } of told) {
      if (typeof what === 'object') places.push(what!)
      outcomes[typeof what === 'object' ? 'found' : 'refused']++
    }
    assert.equal(one.waiting, waiting.length)
    for (const upstream of one.upstreams) {
      assert.ok(upstream.open <= limit)
      assert.equal(upstream.open, places.filter(held => held === upstream).length)
    }
  }
  one.close()
  for (const upstream of places) upstream.release()
  assert.deepEqual([one.upstreams, one.waiting], [[], 0])
  places = []
  return { outcomes }
}
