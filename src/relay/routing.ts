/** Where connections go: what the options say, and what is known of names and upstreams by now. */
import { SluiceError } from '../base/errors.js'
import { AccessList } from './access.js'
import { literalAddress, type SocketAddress, showTarget, type Target } from './address.js'
import { NameRoutes } from './name-routes.js'
import { NameWatches } from './name-watches.js'
import type { GroupSettings, MirrorSettings, ProxySettings, UpstreamSettings } from './options.js'
import type { UpstreamStatus } from './proxy-types.js'
import type { UpstreamSpec } from './upstream.js'
import { tellUpstream } from './upstream-channel.js'
import { UpstreamGroup } from './upstreams.js'

/** A mirror is one upstream, whose failures are its own. */
const mirrorGroup = {
  balance: 'round-robin',
  queueMax: 0,
  queueMs: 1,
  backoffMs: 1000,
  connectMs: 5000,
  check: null,
} as const

/** After so many connects in a row that failed, a mirror that may be dropped is tried now and then: nobody waits for it. */
const mirrorFailuresMax = 3

/** What one of these is called in what is told of it. */
export const fallbackRoute = ''
/** No name has parentheses. */
export const mirrorRoute = '(mirror)'

export class Routing {
  #settings: ProxySettings
  #access: AccessList
  #names = new NameRoutes<UpstreamGroup>([])
  readonly #groups = new Map<string, UpstreamGroup>()
  readonly #watches: NameWatches
  /** How often it was reloaded; Infinity when it is closed. */
  #reloads = 0

  /** Names have been asked for once when this resolves, whether or not they have addresses. */
  static async open(settings: ProxySettings): Promise<Routing> {
    const routing = new Routing(settings)
    await routing.#watches.settled()
    return routing
  }

  private constructor(settings: ProxySettings) {
    this.#settings = settings
    this.#access = new AccessList(settings.access)
    this.#watches = new NameWatches(settings, host => this.#onAddresses(host))
    this.#apply()
  }

  /** Those of new connections. */
  get settings(): ProxySettings {
    return this.#settings
  }

  /** Whether names decide where connections go. */
  get readsServerName(): boolean {
    return this.#settings.sni.size > 0
  }

  /** Upstreams of a mirror that is no file; null where there is none. */
  get mirror(): UpstreamGroup | null {
    return this.#groups.get(mirrorRoute) ?? null
  }

  get upstreams(): readonly UpstreamStatus[] {
    return [...this.#groups].flatMap(([route, group]) => [
      ...group.statuses(route),
      ...this.#nameless(route, group.settings),
    ])
  }

  /** Null is a client of whom nothing is known: only where everybody may come, it may. */
  allows(client: SocketAddress | null): boolean {
    return client === null ? this.#settings.access.length === 0 : this.#access.allows(client)
  }

  /** The upstreams for a name in small letters, or for who asked for none; null where there are none for it. */
  groupFor(serverName: string | null): UpstreamGroup | null {
    const named = serverName === null ? null : this.#names.find(serverName)
    return named ?? this.#groups.get(fallbackRoute) ?? null
  }

  /**
   * New connections go by these settings, as soon as their names have been asked for; of several reloads the last counts.
   *
   * @throws ERR_SLUICE_OPTION where `listen` is another, and nothing has changed then
   */
  async reload(settings: ProxySettings): Promise<void> {
    const [here, there] = [this.#settings.listen, settings.listen].map(showTarget)
    if (here !== there) {
      throw new SluiceError('ERR_SLUICE_OPTION', `listen must stay ${here} as long as the proxy runs`, {
        remedy: 'Start another proxy, or keep it.',
      })
    }
    const reload = ++this.#reloads
    this.#watches.settings = settings
    this.#watches.watch([...hostsOf(groupsOf(this.#settings)), ...hostsOf(groupsOf(settings))])
    await this.#watches.settled()
    if (reload !== this.#reloads) return
    this.#settings = settings
    this.#access = new AccessList(settings.access)
    this.#apply()
  }

  /** No client is taken any more; who waits is refused. */
  close(): void {
    this.#reloads = Number.POSITIVE_INFINITY
    this.#watches.close()
    for (const group of this.#groups.values()) group.close()
  }

  #apply(): void {
    const wanted = groupsOf(this.#settings)
    this.#watches.watch(hostsOf(wanted))
    for (const [route, group] of this.#groups) {
      if (wanted.has(route)) continue
      this.#groups.delete(route)
      group.close()
    }
    for (const [route, settings] of wanted) {
      const known = this.#groups.get(route)
      if (known !== undefined) known.settings = settings
      const group = known ?? new UpstreamGroup(settings, upstream => tellUpstream(upstream.status(route)))
      this.#groups.set(route, group)
      group.update(this.#specsOf(settings))
    }
    this.#names = new NameRoutes([...this.#settings.sni.keys()].map(name => [name, this.#groups.get(name)!]))
  }

  #onAddresses(host: string): void {
    for (const group of this.#groups.values()) {
      const { settings } = group
      if (settings.upstreams.some(upstream => hostOf(upstream).includes(host)))
        group.update(this.#specsOf(settings))
    }
  }

  #specsOf({ upstreams }: GroupSettings): UpstreamSpec[] {
    return upstreams.flatMap(({ target, ...rest }) => {
      const name = showTarget(target)
      return this.#addressesOf(target).map(address => ({ name, address, ...rest }))
    })
  }

  #addressesOf(target: Target): SocketAddress[] {
    const literal = literalAddress(target)
    if (literal !== null) return [literal]
    const { host, port } = target as Exclude<Target, { path: string }>
    return this.#watches.addressesOf(host).map(address => ({ address, port }))
  }

  /** Upstreams whose name has no address, each name once. */
  #nameless(route: string, { upstreams }: GroupSettings): UpstreamStatus[] {
    const unknown = upstreams.filter(({ target }) => this.#addressesOf(target).length === 0)
    const byName = new Map(unknown.map(upstream => [showTarget(upstream.target), upstream]))
    return [...byName].map(([name, { target, weight, backup }]) => ({
      route,
      name,
      address: '',
      state: 'down',
      why: hostOf({ target }).map(host => this.#watches.whyNone(host))[0]!,
      weight,
      backup,
      open: 0,
      connected: 0,
      failed: 0,
    }))
  }
}

function groupsOf({ fallback, sni, mirror }: ProxySettings): Map<string, GroupSettings> {
  const groups = new Map(sni)
  if (fallback !== null) groups.set(fallbackRoute, fallback)
  const mirrored = mirror === null ? null : mirrorGroupOf(mirror)
  if (mirrored !== null) groups.set(mirrorRoute, mirrored)
  return groups
}

function mirrorGroupOf({ to, slow }: MirrorSettings): GroupSettings | null {
  if (to.kind === 'file') return null
  const upstream: UpstreamSettings = {
    target: to.target,
    weight: 1,
    backup: false,
    connectionsMax: Number.POSITIVE_INFINITY,
  }
  return { ...mirrorGroup, failuresMax: slow === 'drop' ? mirrorFailuresMax : 0, upstreams: [upstream] }
}

function hostsOf(groups: ReadonlyMap<string, GroupSettings>): string[] {
  return [...groups.values()].flatMap(({ upstreams }) => upstreams.flatMap(hostOf))
}

/** The name that must be resolved, if there is one. */
function hostOf({ target }: Pick<UpstreamSettings, 'target'>): string[] {
  return literalAddress(target) === null && 'host' in target ? [target.host] : []
}
