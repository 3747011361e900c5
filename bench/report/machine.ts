/** The facts about the machine without which a figure means nothing. */
import { readFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import type { Cores } from '../measure/cores.js'
import { currentNetwork, type Network } from '../network.js'

export interface Machine {
  system: string
  kernel: string
  processor: string
  processors: number
  memoryBytes: number
  node: string
  /** Processes that wanted to run in the minute before: well above 0 means that others were at work. */
  loadBefore: number
  network: Network
  cores: Cores
}

export function describeMachine(cores: Cores): Machine {
  const processors = cpus()
  return {
    system: systemName(),
    kernel: release(),
    processor: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    memoryBytes: totalmem(),
    node: process.versions.node,
    loadBefore: loadavg()[0] ?? 0,
    network: currentNetwork(),
    cores,
  }
}

/** os-release(5). */
function systemName(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform
  } catch {
    return process.platform
  }
}

/** On one line, with the cores on which servers and load ran. */
export function machineLine(machine: Machine): string {
  const { cores } = machine
  const placing =
    cores.server === cores.client
      ? `servers and load share core ${cores.server}`
      : `servers on core ${cores.server}, load on core ${cores.client}`
  return `${machineFacts(machine)}; ${placing}`
}

export function machineFacts(machine: Machine): string {
  const { system, kernel, processor, processors, memoryBytes, node, network } = machine
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`
  const loopback = `${network.own ? 'own' : "the machine's"} loopback with TCP ${network.congestionControl}`
  return `${system}, Linux ${kernel}, ${processors} × ${processor}, ${memory}, node ${node}; ${loopback}`
}
