/** Drives connections through a proxy for a while, and finds what went wrong with any of them. */
import { connect } from 'node:net'
import { eventually, pause } from '../../support/eventually.js'
import { Random } from '../../support/random.js'
import { faultsOf } from './judge.js'
import type { SoakPeer } from './peers.js'
import { headOf, planOf } from './plan.js'
import { Reference } from './reference.js'
import { emptyReport, runSide, type SideReport } from './side.js'

export interface SoakOptions {
  readonly seed: number
  /** Where the proxy listens. */
  readonly port: number
  readonly upstreams: readonly SoakPeer[]
  readonly seconds: number
  /** Connections at a time. */
  readonly lanes: number
  /** Whether upstreams are killed, and how often. */
  readonly killEveryMs: number
}

export interface SoakResult {
  /** What every client reported, by connection. */
  readonly clients: ReadonlyMap<number, SideReport>
  readonly faults: readonly string[]
  readonly bytes: number
  readonly kills: number
  /** Connections that both sides ended, and that no kill cut short. */
  readonly whole: readonly number[]
}

interface Times {
  readonly beganMs: number
  readonly endedMs: number
}

/** A report may still be on its way when its process is killed. */
const reportMs = 1000

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { upstreams, seconds, lanes, seed } = options
  const clients = new Map<number, SideReport>()
  const times = new Map<number, Times>()
  const giveUpMs = Date.now() + seconds * 1000
  let next = 0
  let driving = lanes
  const open = new Map<number, SideReport>()
  const drive = async (): Promise<void> => {
    while (Date.now() < giveUpMs) {
      const id = ++next
      const beganMs = Date.now()
      open.set(id, emptyReport())
      await runClient(options, id, open.get(id)!)
      clients.set(id, open.get(id)!)
      open.delete(id)
      times.set(id, { beganMs, endedMs: Date.now() })
    }
    driving--
  }
  for (let lane = 0; lane < lanes; lane++) drive()
  await killNowAndThen(options, giveUpMs)
  await eventually(
    () => driving === 0,
    () =>
      `clients wait for ever:\n${[...open].map(([id, report]) => described(seed, id, report)).join('\n')}`,
  )
  const kills = upstreams.flatMap(({ kills }) => kills)
  const reportOf = (id: number): SideReport | null =>
    upstreams.map(({ reports }) => reports.get(id)).find(report => report !== undefined) ?? null
  const excused = (id: number): boolean => {
    const { beganMs, endedMs } = times.get(id)!
    const killed = kills.some(kill => kill.endedMs >= beganMs && kill.beganMs <= endedMs + reportMs)
    return killed || neverBegan(seed, id)
  }
  const missing = (): number[] => [...clients.keys()].filter(id => reportOf(id) === null && !excused(id))
  await eventually(
    () => missing().length === 0,
    () =>
      `upstreams tell nothing of\n${missing()
        .map(id => described(seed, id, clients.get(id)!))
        .join('\n')}`,
  )
  const faults = [...clients].flatMap(([id, client]) =>
    faultsOf(planOf(seed, id), client, reportOf(id)).map(
      fault => `${fault}: ${described(seed, id, client, reportOf(id))}`,
    ),
  )
  for (const { strangers } of upstreams) if (strangers > 0) faults.push(`${strangers} began with other bytes`)
  const whole = [...clients.keys()].filter(id => {
    const { client, upstream } = planOf(seed, id)
    return client.stop === 'end' && upstream.stop === 'end' && reportOf(id)?.sawEnd === true
  })
  const bytes = [...clients.keys()].reduce(
    (sum, id) => sum + clients.get(id)!.received + (reportOf(id)?.received ?? 0),
    0,
  )
  return { clients, faults, bytes, kills: kills.length, whole }
}

function described(seed: number, id: number, ...reports: (SideReport | null)[]): string {
  return `connection ${id}: ${JSON.stringify([planOf(seed, id), ...reports])}`
}

/** A client that resets before anything of it is received may not have come to an upstream at all. */
function neverBegan(seed: number, id: number): boolean {
  return planOf(seed, id).client.stop !== 'end'
}

async function runClient({ port, seed }: SoakOptions, id: number, report: SideReport): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(headOf(id))
  const sends = new Reference({ seed, id, way: 'to upstream' })
  const expects = new Reference({ seed, id, way: 'to client' })
  await runSide({ socket, plan: planOf(seed, id).client, sends, expects, report })
}

async function killNowAndThen(
  { upstreams, killEveryMs, seed }: SoakOptions,
  giveUpMs: number,
): Promise<void> {
  const random = new Random(seed)
  for (;;) {
    await pause(killEveryMs)
    if (Date.now() + killEveryMs > giveUpMs) return
    await random.pick(upstreams)!.kill()
  }
}
