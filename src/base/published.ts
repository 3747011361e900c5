/** Counters on `diagnostics_channel`: once a second, and only where somebody listens. */
import { channel } from 'node:diagnostics_channel'

const everyMs = 1000

/** Publishes what `message` makes from now on → ends that, with what was counted last. */
export function publishEverySecond(name: string, message: () => object): () => void {
  const published = channel(name)
  const publish = (): void => {
    if (published.hasSubscribers) published.publish(message())
  }
  const timer = setInterval(publish, everyMs).unref()
  return () => {
    clearInterval(timer)
    publish()
  }
}
