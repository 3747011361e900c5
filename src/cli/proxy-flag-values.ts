/** What the flags of `sluice proxy` come to, as they are read. */
import type { ProxyFile } from '../relay/config-file.js'
import type { AccessRule, CheckOptions, MirrorOptions } from '../relay/options.js'

export interface ProxyFlags {
  /** Options that are given by one flag each. */
  readonly options: ProxyFile
  readonly to: string[]
  readonly backup: string[]
  readonly sni: Map<string, string[]>
  readonly access: AccessRule[]
  readonly mirror: Partial<MirrorOptions>
  readonly check: CheckOptions
  checks: boolean
  upstreamConnectionsMax: number | undefined
}

export function noProxyFlags(): ProxyFlags {
  return {
    options: {},
    to: [],
    backup: [],
    sni: new Map(),
    access: [],
    mirror: {},
    check: {},
    checks: false,
    upstreamConnectionsMax: undefined,
  }
}
