/** How one of several upstreams is chosen for a client. */
import type { Balance } from '../options.js'
import { LeastConnections } from './least-connections.js'
import { RoundRobin } from './round-robin.js'
import { SourceHash } from './source-hash.js'
import type { Balancer } from './weighted.js'

export function openBalancer(balance: Balance): Balancer {
  if (balance === 'least-connections') return new LeastConnections()
  return balance === 'source-hash' ? new SourceHash() : new RoundRobin()
}
