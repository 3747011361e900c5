/** Where to send a client that asked for a directory without the slash at its end. */
import { escapeByte, toByteName, toUrlPath } from './byte-name.js'
import { parseTarget, type Target } from './target.js'

/**
 * The directory's path with its slash and the request's query, made anew from the decoded name: it begins with one
 * slash and cannot name another host. Null where the client did ask with a slash.
 *
 * `originalUrl` is the target before a router took a mount point away from it.
 */
export function directoryLocation(target: Target, originalUrl: string | undefined): string | null {
  const asked = originalUrl === undefined ? target : parseTarget(originalUrl)
  if (asked === null || asked.directory) return null
  return `/${toUrlPath(asked.name)}/${toByteName(asked.query).replace(/[^\x21-\x7e]/g, escapeByte)}`
}
