import { messageOf } from '../fail.js'
import { compileProgram } from '../programs.js'
import type { Peer, RelaySite } from './peer.js'

export const floorRelay: Peer<RelaySite> = {
  name: 'floor',
  setup: 'splice(2) both ways in C on one thread, pipes of 1 MiB, nothing else',
  find() {
    try {
      const program = compileProgram('floor-relay')
      const version = 'bench/peers/floor-relay.c'
      return { version, command: ({ upstream }) => ({ argv: [program, String(upstream)] }) }
    } catch (error) {
      return { missing: messageOf(error) }
    }
  },
}
