/** The line that a log has of a connection that is over: names and values, so that any tool can read it. */
import { showAddress } from './address.js'
import type { ConnectionEnd } from './connection-end.js'

/**
 * As in `time=2026-11-20T11:36:00.000Z client=192.0.2.1:40000 upstream=192.0.2.9:5432 …`; what is not there is `-`. Times
 * are in milliseconds, bytes by direction are those that were spliced and those that were copied.
 */
export function connectionLine(end: ConnectionEnd): string {
  const { toUpstream, toClient } = end
  const fields = {
    time: new Date(end.beganMs).toISOString(),
    client: end.client === null ? '-' : showAddress(end.client),
    upstream: end.upstream === null ? '-' : showAddress(end.upstream),
    name: end.serverName ?? '-',
    ms: shown(end.ms),
    queue_ms: shown(end.queueMs),
    connect_ms: shown(end.connectMs),
    attempts: String(end.attempts),
    to_upstream_spliced: String(toUpstream.spliced),
    to_upstream_copied: String(toUpstream.copied),
    to_client_spliced: String(toClient.spliced),
    to_client_copied: String(toClient.copied),
    end: end.ending.replaceAll(' ', '-'),
  }
  return `${Object.entries(fields)
    .map(([name, value]) => `${name}=${plain(value)}`)
    .join(' ')}\n`
}

function shown(ms: number): string {
  return String(Number(ms.toFixed(3)))
}

/** A path, or the name of a socket that a PROXY header gives, must neither end its value nor move the cursor. */
function plain(value: string): string {
  return value.replace(
    /[^\x21-\x7e]|["\\]/g,
    character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
