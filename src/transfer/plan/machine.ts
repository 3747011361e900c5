/** The machine as far as costs depend on it: a table that was measured on another one says nothing here. */
import { closeSync, openSync, readSync } from 'node:fs'
import { arch, cpus, release, version } from 'node:os'
import { KiB } from '../../base/units.js'

export interface Machine {
  /** The kernel's release, such as `6.1.0-18-amd64`. */
  readonly kernel: string
  /** The kernel's version: which build of that release. */
  readonly build: string
  /** The processor's model. */
  readonly cpu: string
}

export function thisMachine(): Machine {
  return { kernel: release(), build: version(), cpu: processorName() }
}

/** The first processor's description; what lies behind it tells of the others. */
const descriptionBytes = 4 * KiB
/** Lines of /proc/cpuinfo that name a model: the first on x86, the next three on ARM, the rest on RISC-V and MIPS. */
const modelLine = /^(?:model name|CPU implementer|CPU variant|CPU part|uarch|cpu model)\s*:\s*(.+)$/gm

/** Not by os.cpus(), which reads several files for each processor. */
function processorName(): string {
  const [first] = readStart('/proc/cpuinfo').split('\n\n')
  const names = [...(first ?? '').matchAll(modelLine)].map(match => match[1]!.trim())
  return names.length > 0 ? names.join(' ') : (cpus()[0]?.model ?? arch())
}

function readStart(path: string): string {
  try {
    const fd = openSync(path, 'r')
    try {
      const buffer = Buffer.alloc(descriptionBytes)
      return buffer.toString('latin1', 0, readSync(fd, buffer))
    } finally {
      closeSync(fd)
    }
  } catch {
    return ''
  }
}
