/** The pairs of ends that are measured, each by what bytes come from and what they go to. */
import type { PairName } from '../transfer/plan/costs.js'
import { type Drain, fileDrain, pipeDrain, severalDrain, tcpDrain, unixDrain } from './drains.js'
import type { Laboratory } from './laboratory.js'
import { fileSupply, memorySupply, pipeSupply, regionSupply, type Supply, socketSupply } from './supplies.js'

export interface Experiment {
  readonly pair: PairName
  readonly supply: (lab: Laboratory) => Promise<Supply>
  readonly drain: (lab: Laboratory) => Promise<Drain>
}

export const experiments: readonly Experiment[] = [
  { pair: 'file → tcp', supply: fileSupply, drain: tcpDrain },
  { pair: 'file → unix', supply: fileSupply, drain: unixDrain },
  { pair: 'file → pipe', supply: fileSupply, drain: pipeDrain },
  { pair: 'file → file', supply: fileSupply, drain: fileDrain },
  { pair: 'socket → socket', supply: socketSupply, drain: tcpDrain },
  { pair: 'socket → pipe', supply: socketSupply, drain: pipeDrain },
  { pair: 'pipe → socket', supply: pipeSupply, drain: tcpDrain },
  { pair: 'pipe → pipe', supply: pipeSupply, drain: pipeDrain },
  { pair: 'socket → file', supply: socketSupply, drain: fileDrain },
  { pair: 'pipe → file', supply: pipeSupply, drain: fileDrain },
  { pair: 'memory → tcp', supply: memorySupply, drain: tcpDrain },
  { pair: 'memory → unix', supply: memorySupply, drain: unixDrain },
  { pair: 'memory → pipe', supply: memorySupply, drain: pipeDrain },
  { pair: 'memory → file', supply: memorySupply, drain: fileDrain },
  { pair: 'region → tcp', supply: regionSupply, drain: tcpDrain },
  { pair: 'region → unix', supply: regionSupply, drain: unixDrain },
  { pair: 'region → pipe', supply: regionSupply, drain: pipeDrain },
  { pair: 'file → several', supply: fileSupply, drain: severalDrain },
  { pair: 'socket → several', supply: socketSupply, drain: severalDrain },
  { pair: 'pipe → several', supply: pipeSupply, drain: severalDrain },
]
