/** What upstreams do, on `diagnostics_channel`: one that goes up or down, joins or leaves. */
import { channel } from 'node:diagnostics_channel'
import type { UpstreamStatus } from './proxy-types.js'

/** What is published is an `UpstreamStatus`. */
export const upstreamChannel = 'sluice:proxy:upstream'

const published = channel(upstreamChannel)

export function tellUpstream(status: UpstreamStatus): void {
  if (published.hasSubscribers) published.publish(status)
}
