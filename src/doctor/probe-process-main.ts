/** What runs in a probe process: tries each technique that it is told the name of, and answers with what it saw. */
import { native } from '../native/load.js'
import { examine } from './examine.js'
import { lookAround } from './surroundings.js'
import { probes } from './techniques.js'

const around = lookAround()

process.on('message', async name => {
  const probe = probes.find(candidate => candidate.name === name)
  if (probe !== undefined && native !== null) process.send?.(await examine(probe, native, around))
})

// The first message says that it listens. It ends when the other side is gone: nothing else keeps it running.
process.send?.('ready')
