/** Says which upstreams go down and come up again. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Writable } from 'node:stream'
import type { UpstreamStatus } from '../relay/proxy-types.js'
import { upstreamChannel } from '../relay/upstream-channel.js'
import { LineWriter } from './line-writer.js'

/** Writes a line for each from now on → ends that. */
export function tellOfUpstreams(stream: Writable): () => void {
  const lines = new LineWriter(stream)
  const states = new Map<string, string>()
  const onStatus = (message: unknown): void => {
    const { route, address, state, why, open } = message as UpstreamStatus
    const key = `${route} ${address}`
    const before = states.get(key) ?? 'up'
    if (state === 'draining' && open === 0) states.delete(key)
    else states.set(key, state)
    if (state !== before)
      lines.write(`sluice: upstream ${address} is ${state}${why === '' ? '' : `: ${why}`}\n`)
  }
  subscribe(upstreamChannel, onStatus)
  return () => void unsubscribe(upstreamChannel, onStatus)
}
