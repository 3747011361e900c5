import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { file, KiB, memory, Pool, plan, receive, transfer } from 'sluice'

const upstream = { host: '127.0.0.1', port: Number(process.env.UPSTREAM), allowHalfOpen: true }
const pool = new Pool({ slots: 64, slotBytes: 16 * KiB })
let count = 0

async function relay(client: Socket): Promise<void> {
  const server = connect(upstream)
  await once(server, 'connect')
  console.log(plan(client, server).why)
  // What the client sends goes to the server and to a file of its own, by tee; the answers come back by splice.
  const audit = file(`audit-${++count}.bin`)
  const up = transfer(client, [server, audit]).then(() => server.end())
  const down = transfer(server, client).then(() => client.end())
  await Promise.all([up, down])
}

async function greet(client: Socket): Promise<void> {
  // Memory, a file and more memory leave as one: small pieces never travel alone.
  await transfer([Buffer.from('hello\n'), file('greeting.txt'), memory(Buffer.from('bye\n'))], client)
  // What arrives is received straight into slots of the pool; each is free again once it was sent.
  for await (const lease of receive(client, pool)) await transfer(lease, client)
  client.end()
}

function listen(port: string | undefined, handle: (client: Socket) => Promise<void>): void {
  const options = { allowHalfOpen: true, pauseOnConnect: true }
  createServer(options, client => {
    handle(client).catch(error => client.destroy(error))
    client.on('error', error => console.error(error.message))
  }).listen(Number(port ?? 0), '127.0.0.1')
}

listen(process.env.PORT, relay)
listen(process.env.GREETING_PORT, greet)
