/** What runs in a process of the trial `streams`: node serve.js JOB MOVER PLACE, the last as JSON. */
import { type AddressInfo, createServer } from 'node:net'
import { connectionOptions, type Place, servers } from './servers.js'
import type { JobLabel, Mover } from './trial.js'

const [label, mover, place] = process.argv.slice(2) as [JobLabel, Mover, string]
const serve = servers[label][mover]
const where = JSON.parse(place) as Place

// Where a job fails the process ends, and says why on standard error.
const server = createServer({ ...connectionOptions, pauseOnConnect: true }, client => serve(client, where))
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`)
})
