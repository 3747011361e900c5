/** Ends to plan with that are connected to nothing outside: whatever is made here goes when the plan is made. */

import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { type AddressInfo, connect, createServer, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { systemError } from '../base/errors.js'
import { native } from '../native/load.js'

export class Stage {
  readonly #undo: (() => void)[] = []

  clear(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo()
  }

  /** One end of a TCP connection of this process with itself. */
  async tcp(): Promise<Socket> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted = once(server, 'connection') as Promise<[Socket]>
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [[peer]] = await Promise.all([accepted, once(client, 'connect')])
    this.#undo.push(() => {
      client.destroy()
      peer.destroy()
      server.close()
    })
    return client
  }

  /** One end of a pair of Unix sockets; without the addon a stream, which is planned for alike: both are copied. */
  unix(): Duplex {
    if (native === null) return new Duplex()
    const ends = new Int32Array(2)
    const type = native.SOCK_STREAM | native.SOCK_NONBLOCK | native.SOCK_CLOEXEC
    const made = native.socketpair(native.AF_UNIX, type, ends)
    if (made < 0) throw systemError(made, 'socketpair', 'Making a pair of sockets to plan with')
    const socket = new Socket({ fd: ends[0]! })
    this.#undo.push(() => {
      socket.destroy()
      closeSync(ends[1]!)
    })
    return socket
  }

  /** The output and the input of a pipe; without the addon as for unix(). */
  pipe(): { output: number | Duplex; input: number | Duplex } {
    if (native === null) return { output: new Duplex(), input: new Duplex() }
    const ends = new Int32Array(2)
    const made = native.pipe2(ends, native.O_CLOEXEC | native.O_NONBLOCK)
    if (made < 0) throw systemError(made, 'pipe2', 'Making a pipe to plan with')
    this.#undo.push(() => {
      for (const fd of ends) closeSync(fd)
    })
    return { output: ends[0]!, input: ends[1]! }
  }

  atEnd(undo: () => void): void {
    this.#undo.push(undo)
  }
}
