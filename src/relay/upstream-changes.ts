/** What becomes of upstreams when the options, or the addresses of a name, are others. Pure. */
import { showAddress } from './address.js'
import type { UpstreamSpec } from './upstream.js'

export interface UpstreamChanges<Known> {
  /** They keep their connections, their health and their counts. */
  readonly kept: readonly { readonly upstream: Known; readonly spec: UpstreamSpec }[]
  readonly added: readonly UpstreamSpec[]
  readonly removed: readonly Known[]
}

/** An upstream is what it was as long as its address is the same. Of specs that share an address the first counts. */
export function upstreamChanges<Known extends { readonly key: string }>(
  known: readonly Known[],
  specs: readonly UpstreamSpec[],
): UpstreamChanges<Known> {
  const byKey = new Map(known.map(upstream => [upstream.key, upstream]))
  const wanted = new Map<string, UpstreamSpec>()
  for (const spec of specs) {
    const key = showAddress(spec.address)
    if (!wanted.has(key)) wanted.set(key, spec)
  }
  const kept: { upstream: Known; spec: UpstreamSpec }[] = []
  const added: UpstreamSpec[] = []
  for (const [key, spec] of wanted) {
    const upstream = byKey.get(key)
    if (upstream === undefined) added.push(spec)
    else kept.push({ upstream, spec })
  }
  return { kept, added, removed: known.filter(({ key }) => !wanted.has(key)) }
}
