/** A list of upstreams: which of them a client is taken to, and who waits until one has a place for it. */

import { openBalancer } from './balance/balancer.js'
import type { Balancer } from './balance/weighted.js'
import { Checker } from './checker.js'
import type { Balance, GroupSettings } from './options.js'
import type { UpstreamStatus } from './proxy-types.js'
import { Upstream, type UpstreamOwner, type UpstreamSpec } from './upstream.js'
import { upstreamChanges } from './upstream-changes.js'
import { WaitingLine } from './waiting-line.js'

/** A client that is to be taken to an upstream. */
export interface Waiter {
  /** Its address, without the port: the same goes to the same upstream where that is wanted. */
  readonly client: string
  /** Where it could not be taken already: others are preferred. */
  readonly tried: readonly Upstream[]
  /** Its turn has come, and a place is taken; never from within `pick`. */
  placeFound(upstream: Upstream): void
  /** It has waited in vain; never from within `pick`. */
  placeRefused(why: 'queue timeout' | 'no upstream'): void
}

export type Picked = Upstream | 'queued' | 'no upstream' | 'queue full'

/** Told of every upstream that goes up or down, joins or leaves. */
export type OnUpstream = (upstream: Upstream) => void

export class UpstreamGroup implements UpstreamOwner {
  #settings: GroupSettings
  #balancer: Balancer
  #balance: Balance
  #upstreams: Upstream[] = []
  readonly #draining = new Set<Upstream>()
  readonly #line = new WaitingLine<Waiter>(waiter => waiter.placeRefused('queue timeout'))
  readonly #checker: Checker
  readonly #onUpstream: OnUpstream
  #serving = false

  constructor(settings: GroupSettings, onUpstream: OnUpstream) {
    this.#settings = settings
    this.#balance = settings.balance
    this.#balancer = openBalancer(settings.balance)
    this.#checker = new Checker(settings.check)
    this.#onUpstream = onUpstream
  }

  get settings(): GroupSettings {
    return this.#settings
  }

  /** Of all that have connections, or may have. */
  get upstreams(): readonly Upstream[] {
    return [...this.#upstreams, ...this.#draining]
  }

  get waiting(): number {
    return this.#line.length
  }

  statuses(route: string): UpstreamStatus[] {
    return this.upstreams.map(upstream => upstream.status(route))
  }

  /** Goes by other settings; what stays of the upstreams `update` tells. */
  set settings(settings: GroupSettings) {
    this.#settings = settings
    if (settings.balance !== this.#balance) this.#balancer = openBalancer(settings.balance)
    this.#balance = settings.balance
    for (const upstream of this.upstreams) upstream.health.settings = settings
    this.#checker.settings = settings.check
  }

  /** These are its upstreams from now on: those that are no longer there get no more clients. */
  update(specs: readonly UpstreamSpec[]): void {
    const { kept, added, removed } = upstreamChanges(this.upstreams, specs)
    for (const upstream of removed) this.#drain(upstream)
    const stay = kept.map(({ upstream, spec }) => {
      upstream.spec = spec
      return this.#revive(upstream)
    })
    const joined = added.map(spec => new Upstream(spec, this.#settings, this))
    this.#upstreams = [...stay, ...joined]
    for (const upstream of joined) {
      this.#checker.watch(upstream)
      this.#onUpstream(upstream)
    }
    this.#serve()
  }

  /** Where the client goes now; a place there is taken for it, to be released. */
  pick(waiter: Waiter): Picked {
    const upstream = this.#choose(waiter)
    if (upstream !== null) return upstream.take()
    if (!this.#hopeful) return 'no upstream'
    if (this.#line.length >= this.#settings.queueMax) return 'queue full'
    this.#line.join(waiter, this.#settings.queueMs)
    return 'queued'
  }

  /** The client has gone while it waited. */
  leave(waiter: Waiter): void {
    this.#line.leave(waiter)
  }

  /** No more clients are taken; connections that are open go on. */
  close(): void {
    this.update([])
    this.#checker.close()
  }

  onPlace(upstream: Upstream): void {
    if (upstream.draining && upstream.open === 0) {
      this.#draining.delete(upstream)
      this.#onUpstream(upstream)
    }
    this.#serve()
  }

  onHealth(upstream: Upstream): void {
    this.#onUpstream(upstream)
    this.#serve()
  }

  /** Whether waiting may help: somebody is up, or being tried. */
  get #hopeful(): boolean {
    return this.#upstreams.some(({ health }) => health.usable || health.trial)
  }

  /** Those whose turn has come, while there are places for them; all of them in vain where no hope is left. */
  #serve(): void {
    // Who gets a place may give it back at once: that is seen below, and not from within.
    if (this.#serving) return
    this.#serving = true
    try {
      this.#fillPlaces()
    } finally {
      this.#serving = false
    }
    if (this.#line.length === 0 || this.#hopeful) return
    for (const waiter of this.#line.dissolve()) waiter.placeRefused('no upstream')
  }

  #fillPlaces(): void {
    for (let waiter = this.#line.first; waiter !== null; waiter = this.#line.first) {
      const upstream = this.#choose(waiter)
      if (upstream === null) return
      this.#line.leave(waiter)
      waiter.placeFound(upstream.take())
    }
  }

  /** Backups only where no other is left that was not tried; those that were tried only where nobody else is left. */
  #choose(waiter: Waiter): Upstream | null {
    const { tried } = waiter
    const usable = this.#upstreams.filter(({ health }) => health.usable)
    const fresh = tried.length === 0 ? usable : usable.filter(upstream => !tried.includes(upstream))
    const primary = fresh.filter(({ backup }) => !backup)
    const tier = primary.length > 0 ? primary : fresh.length > 0 ? fresh : usable
    const places = tier.filter(({ hasPlace }) => hasPlace)
    // Who the client is takes a system call, which is left out where there is nothing to choose.
    return places.length <= 1 ? (places[0] ?? null) : this.#balancer.choose(places, waiter.client)
  }

  #drain(upstream: Upstream): void {
    if (upstream.draining) return
    upstream.draining = true
    this.#checker.forget(upstream)
    if (upstream.open > 0) this.#draining.add(upstream)
    this.#onUpstream(upstream)
  }

  #revive(upstream: Upstream): Upstream {
    if (!upstream.draining) return upstream
    upstream.draining = false
    this.#draining.delete(upstream)
    this.#checker.watch(upstream)
    this.#onUpstream(upstream)
    return upstream
  }
}
