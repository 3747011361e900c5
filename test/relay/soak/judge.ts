/** What must hold of a connection in a soak, by what both of its sides report. */
import type { ConnectionPlan } from './plan.js'
import type { SideReport } from './side.js'

/** → what is wrong, empty where nothing is. `upstream` is null where its process was killed before it could tell. */
export function faultsOf(
  plan: ConnectionPlan,
  client: SideReport,
  upstream: SideReport | null,
): readonly string[] {
  const faults: string[] = []
  check(faults, 'client', client)
  if (upstream === null) return faults
  check(faults, 'upstream', upstream)
  arrives(faults, 'to upstream', plan.client.stop === 'leave', client, upstream)
  arrives(faults, 'to client', plan.upstream.stop === 'leave', upstream, client)
  if (plan.client.stop === 'end' && plan.upstream.stop === 'end') {
    for (const [side, { error, ended, sawEnd }] of [
      ['client', client],
      ['upstream', upstream],
    ] as const) {
      if (error !== '' || !ended || !sawEnd) faults.push(`the ${side}'s connection broke: ${error}`)
    }
  }
  return faults
}

function check(faults: string[], side: string, { wrongAt }: SideReport): void {
  if (wrongAt !== -1) faults.push(`the ${side} received a wrong byte at ${wrongAt}`)
}

/** `left`: the sender closed its socket, which is an end to the other side, wherever it was. */
function arrives(faults: string[], way: string, left: boolean, from: SideReport, to: SideReport): void {
  if (to.received > from.sent) faults.push(`${way}: ${to.received} bytes came, of ${from.sent}`)
  if (!to.sawEnd || left) return
  if (!from.ended) faults.push(`${way}: it ended, and the sender had not`)
  else if (to.received !== from.sent)
    faults.push(`${way}: it ended after ${to.received} bytes of ${from.sent}`)
}
