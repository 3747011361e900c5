/** Listens on a port of the kernel's choice and says which, as the benchmark expects it. */
import type { Server } from 'node:http'

export function announce(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (address !== null && typeof address === 'object')
      console.log(`listening on http://127.0.0.1:${address.port}`)
  })
}
