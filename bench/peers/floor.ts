import { messageOf } from '../fail.js'
import { compileProgram } from '../programs.js'
import type { Peer } from './peer.js'

export const floor: Peer = {
  name: 'floor',
  setup: 'sendfile(2) in C on one thread, files open and heads prepared: no server does less',
  find() {
    try {
      const program = compileProgram('floor')
      return { version: 'bench/peers/floor.c', command: ({ directory }) => ({ argv: [program, directory] }) }
    } catch (error) {
      return { missing: messageOf(error) }
    }
  },
}
