import { messageOf } from '../fail.js'
import { compileProgram } from '../programs.js'
import type { Peer } from './peer.js'

export const floorRing: Peer = {
  name: 'floor-ring',
  setup: 'io_uring in C on one thread, one response for whatever is asked: no server does less',
  find() {
    try {
      const program = compileProgram('floor-ring')
      const version = 'bench/peers/floor-ring.c'
      return { version, command: ({ directory }) => ({ argv: [program, directory] }) }
    } catch (error) {
      return { missing: messageOf(error) }
    }
  },
}
