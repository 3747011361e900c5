import type { Peer, RelaySite } from './peer.js'
import { findSluice } from './sluice.js'

export const sluiceProxy: Peer<RelaySite> = {
  name: 'sluice',
  setup: '`sluice proxy`',
  find: () =>
    findSluice(({ upstream }) => ['proxy', '--listen', '127.0.0.1:0', '--to', `127.0.0.1:${upstream}`]),
}
