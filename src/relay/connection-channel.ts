/** Connections that are over, on `diagnostics_channel` and to who asked for them by `onEnd`. */
import { channel } from 'node:diagnostics_channel'
import type { ConnectionEnd } from './connection-end.js'
import type { ProxySettings } from './options.js'

/** What is published is a `ConnectionEnd`. */
export const connectionChannel = 'sluice:proxy:connection'

const published = channel(connectionChannel)

/** Whether anybody wants to know. */
export function isEndHeard({ onEnd }: Pick<ProxySettings, 'onEnd'>): boolean {
  return onEnd !== undefined || published.hasSubscribers
}

/** What they throw is thrown where it is nobody else's to catch, as what subscribers throw. */
export function tellEnd({ onEnd }: Pick<ProxySettings, 'onEnd'>, end: ConnectionEnd): void {
  try {
    onEnd?.(end)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
  if (published.hasSubscribers) published.publish(end)
}
