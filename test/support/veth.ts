/** A network of two: this machine, and a namespace behind a link that delays and loses packets. */
import { spawnSync } from 'node:child_process'
import { without } from './commands.js'
import type { Ending } from './sockets.js'

export interface FarSide {
  /** The address of the namespace's end. */
  readonly address: string
  /** What runs a command in the namespace: put it before the command. */
  readonly prefix: readonly string[]
  /** How packets fare on the way there. */
  readonly weather: string
}

/** For `skip`: what is missing on this machine, or false. */
export function withoutNamespaces(): string | false {
  const { skip } = without('ip', 'tc')
  if (skip !== false) return skip
  if (process.getuid?.() !== 0) return 'only root can make network namespaces'
  const name = nameOf('t')
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (made.status !== 0) return `no network namespace can be made: ${made.stderr.trim()}`
  spawnSync('ip', ['netns', 'del', name])
  return false
}

/** Delays, losses and reordering where the kernel has netem; else a queue that is too short for its rate, which delays and drops. */
const weathers = [
  { name: 'netem', qdisc: ['netem', 'delay', '2ms', '1ms', 'loss', '1.5%', 'reorder', '5%'] },
  { name: 'tbf', qdisc: ['tbf', 'rate', '200mbit', 'burst', '16kb', 'limit', '60kb'] },
]

/** Makes a namespace and a link to it; both are gone when the test is over. */
export function farSide(t: Ending): FarSide {
  const namespace = nameOf('n')
  const [near, far] = [nameOf('a'), nameOf('b')]
  // Of the addresses that are set aside for measuring networks, RFC 2544; by process, as tests run at the same time.
  const net = `198.18.${process.pid % 256}`
  ip('netns', 'add', namespace)
  t.after(() => {
    // The link first: a namespace is taken apart some time after it was deleted. It goes with its other end too.
    spawnSync('ip', ['link', 'del', near])
    ip('netns', 'del', namespace)
  })
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', namespace)
  ip('addr', 'add', `${net}.1/30`, 'dev', near)
  ip('link', 'set', near, 'up')
  ip('-n', namespace, 'addr', 'add', `${net}.2/30`, 'dev', far)
  ip('-n', namespace, 'link', 'set', far, 'up')
  for (const { name, qdisc } of weathers) {
    const { status } = spawnSync('tc', ['qdisc', 'add', 'dev', near, 'root', ...qdisc])
    if (status === 0)
      return { address: `${net}.2`, prefix: ['ip', 'netns', 'exec', namespace], weather: name }
  }
  throw new Error('tc knows neither netem nor tbf')
}

function nameOf(kind: string): string {
  return `slc${kind}${process.pid}`
}

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
