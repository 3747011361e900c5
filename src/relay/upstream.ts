/** One address that connections go to: how many, whether it can be used, and who is told when that changes. */
import { type SocketAddress, showAddress } from './address.js'
import { Health, type HealthSettings } from './health.js'
import type { UpstreamState, UpstreamStatus } from './proxy-types.js'

/** What is known of it from the options and the names in them. */
export interface UpstreamSpec {
  /** As the options name it. */
  readonly name: string
  readonly address: SocketAddress
  readonly weight: number
  readonly backup: boolean
  readonly connectionsMax: number
}

export interface UpstreamOwner {
  /** A place at it is free. */
  onPlace(upstream: Upstream): void
  /** It went up or down, or its trial is over. */
  onHealth(upstream: Upstream): void
}

export class Upstream {
  readonly address: SocketAddress
  /** The address as text: no two of a list share it. */
  readonly key: string
  readonly health: Health
  /** Connections that are open or being opened. */
  open = 0
  /** No client is taken to it any more; it goes with its last connection. */
  draining = false
  #spec: UpstreamSpec
  readonly #owner: UpstreamOwner
  #connected = 0
  #failed = 0

  constructor(spec: UpstreamSpec, health: HealthSettings, owner: UpstreamOwner) {
    this.address = spec.address
    this.key = showAddress(spec.address)
    this.health = new Health(health)
    this.#spec = spec
    this.#owner = owner
  }

  /** Of the same address. */
  set spec(spec: UpstreamSpec) {
    this.#spec = spec
  }

  get weight(): number {
    return this.#spec.weight
  }

  get backup(): boolean {
    return this.#spec.backup
  }

  get hasPlace(): boolean {
    return this.open < this.#spec.connectionsMax
  }

  get state(): UpstreamState {
    if (this.draining) return 'draining'
    return this.health.up ? 'up' : 'down'
  }

  /** Takes a place at it for a client that connects now. */
  take(): this {
    this.open++
    this.health.begin()
    return this
  }

  /** A connection to it was made for a client. */
  connected(): void {
    this.#connected++
    this.#tell(() => this.health.connected())
  }

  /** None could be made; `why` as in ECONNREFUSED. */
  failed(why: string): void {
    this.#failed++
    this.#tell(() => this.health.failed(why))
  }

  /** A check ended; `why` it failed, or null. */
  checked(why: string | null): void {
    this.#tell(() => this.health.checked(why))
  }

  /** Gives back the place that a client had: once for each. */
  release(): void {
    this.open--
    this.#owner.onPlace(this)
  }

  status(route: string): UpstreamStatus {
    const { name, weight, backup } = this.#spec
    return {
      route,
      name,
      address: this.key,
      state: this.state,
      why: this.health.why,
      weight,
      backup,
      open: this.open,
      connected: this.#connected,
      failed: this.#failed,
    }
  }

  #tell(change: () => void): void {
    const { up, trial } = this.health
    change()
    if (up !== this.health.up || trial !== this.health.trial) this.#owner.onHealth(this)
  }
}
