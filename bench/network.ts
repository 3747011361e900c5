/**
 * The network that is measured: the machine's loopback as it is, or one of the benchmark's own, a namespace without
 * the machine's packet filters and connection tracking, where TCP uses cubic, Linux's default. The difference is
 * large where the machine prefers bbr, which paces what it sends by timers: that costs a server that sends large
 * files up to twice as much, and not the same on every run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { BenchError } from './fail.js'

export interface Network {
  /** Whether it is a namespace of the benchmark's own. */
  own: boolean
  congestionControl: string
}

const ownCongestionControl = 'cubic'
/** Set for the process inside. */
const marker = 'SLUICE_BENCH_NETWORK'

/** Sets up the loopback of a new namespace and becomes the command that follows: ip-route(8). */
const entrance = `ip link set lo up &&
  ip route replace local 127.0.0.1 dev lo table local congctl ${ownCongestionControl} &&
  exec "$@"`

export function currentNetwork(): Network {
  if (process.env[marker] !== undefined) return { own: true, congestionControl: ownCongestionControl }
  const congestionControl = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()
  return { own: false, congestionControl }
}

/** Starts this very command again inside a network of its own. Throws a BenchError where that cannot be had. */
export function restartInOwnNetwork(): ChildProcess {
  const [unshare, ...args] = inside(['true'])
  const { status, stderr, error } = spawnSync(unshare, args, { encoding: 'utf8' })
  if (status !== 0) {
    throw new BenchError(
      `--network own takes root, unshare and ip (apt-get install iproute2): ${error?.message ?? stderr}`,
    )
  }
  const [command, ...rest] = inside([process.execPath, ...process.execArgv, ...process.argv.slice(1)])
  return spawn(command, rest, { stdio: 'inherit', env: { ...process.env, [marker]: 'own' } })
}

function inside(command: readonly string[]): [string, ...string[]] {
  return ['unshare', '--net', 'sh', '-c', entrance, 'sh', ...command]
}
