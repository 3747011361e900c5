/** What this machine can do without copying, and why not more: found by trying each technique for real. */
import { arch, release } from 'node:os'
import { errorRemedies } from '../base/errors.js'
import { defaultEngine, engineMissing, engineWhy } from '../engine/default.js'
import type { Native } from '../native/calls.js'
import { addonMissing, native } from '../native/load.js'
import { costTable } from '../transfer/plan/cost-table.js'
import { examine, techniqueOf } from './examine.js'
import type { Finding, Probe } from './probe.js'
import { ProbeProcess } from './probe-process.js'
import type { CostsInForce, DoctorReport, EngineInForce, Technique } from './report.js'
import { lookAround, type Surroundings } from './surroundings.js'
import { probes } from './techniques.js'

/**
 * Tries every technique on loopback, memfds and temporary files, in a process of its own, and reports each. It
 * changes no setting, waits a bounded time, leaves nothing behind and never rejects for what the machine lacks.
 */
export async function doctor(): Promise<DoctorReport> {
  const around = lookAround()
  const { uid, name, capabilities, seccomp, lockedBytesMax } = around
  return {
    kernel: release(),
    arch: arch(),
    node: process.version,
    addon: { loaded: native !== null, reason: native === null ? addonMissing : null },
    user: { uid, name, capabilities, seccomp, lockedBytesMax },
    engine: engineInForce(),
    costs: costsInForce(),
    techniques: native === null ? probes.map(withoutAddon) : await examineAll(native, around),
  }
}

function engineInForce(): EngineInForce {
  const engine = defaultEngine()
  return engine === null ? { name: null, why: engineMissing() } : { name: engine.name, why: engineWhy() }
}

export function costsInForce(): CostsInForce {
  const { origin, measuredAt, path, why } = costTable()
  return { origin, measuredAt: measuredAt === null ? null : new Date(measuredAt).toISOString(), path, why }
}

function withoutAddon(probe: Probe): Technique {
  return techniqueOf(probe, {
    status: 'missing',
    reason: `there is no addon to try it with: ${addonMissing}`,
    remedy: addonRemedy(),
  })
}

function addonRemedy(): string {
  if (process.env.SLUICE_ADDON === 'off') return 'unset SLUICE_ADDON'
  return process.platform === 'linux' ? errorRemedies.ERR_SLUICE_ADDON : 'run on Linux'
}

async function examineAll(native: Native, around: Surroundings): Promise<Technique[]> {
  const techniques: Technique[] = []
  let isolated = await ProbeProcess.start()
  for (const probe of probes) {
    if (isolated === null) {
      techniques.push(await examine(probe, native, around))
      continue
    }
    const answer = await isolated.examine(probe.name)
    if ('value' in answer) {
      techniques.push(answer.value)
      continue
    }
    techniques.push(techniqueOf(probe, lostFinding(probe, answer)))
    isolated.close()
    isolated = await ProbeProcess.start()
  }
  isolated?.close()
  return techniques
}

function lostFinding(
  { name }: Probe,
  { lost, signal }: { lost: string; signal: NodeJS.Signals | null },
): Finding {
  return {
    status: 'missing',
    reason: `${lost} while ${name} was tried`,
    remedy:
      signal === 'SIGSYS'
        ? 'a seccomp filter kills for a system call, which the audit log names (journalctl -k): allow it there'
        : 'look for what the kernel says about it: dmesg, journalctl -k',
  }
}
