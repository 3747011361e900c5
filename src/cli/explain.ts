/** `sluice explain`: the plan for a transfer, as databases explain queries. Nothing is moved. */
import { Command } from 'commander'
import { SluiceError } from '../base/errors.js'
import { showBytes, showNs } from '../base/figures.js'
import { show } from '../base/options.js'
import { costsInForce } from '../doctor/doctor.js'
import type { SourceLike } from '../transfer/ends/ends.js'
import { unmeasured } from '../transfer/plan/choose.js'
import { nsOf } from '../transfer/plan/costs.js'
import { type ListPlan, type PathName, type Plan, pathNames } from '../transfer/plan/path.js'
import { plan } from '../transfer/plan/plan.js'
import { costsLine } from './costs-text.js'
import { type ExplainedSink, type ExplainedSource, explainedSink, explainedSource } from './explain-ends.js'
import { Stage } from './explain-stage.js'
import { terminalLayout } from './layout.js'
import { parseSize } from './parse-size.js'
import { type Layout, table, wrap } from './rows.js'

interface ExplainOptions {
  bytes?: number
  prefer?: PathName
  json?: true
}

const help = `
FROM and TO:
  NAME, file:NAME     a file
  tcp:HOST:PORT       a TCP connection, which is not made: the plan goes by the kind
  unix:NAME           a Unix socket, likewise
  pipe:NAME           a pipe or FIFO, likewise
  memory:64KiB        memory of that size (only FROM)
  lease:64KiB         a slot of a pool, of that size (only FROM)
  -                   standard input, standard output
  Both may be several, with commas between them, though not at once: FROM one after
  the other, TO all the same bytes.

Examples:
  sluice explain movie.mp4 tcp:192.0.2.1:80
  sluice explain tcp:client:1 tcp:upstream:1
  sluice explain tcp:client:1 tcp:upstream:1,audit.bin
  sluice explain memory:300,movie.mp4 tcp:192.0.2.1:80
  sluice explain memory:256KiB pipe:out --prefer vmsplice
  sluice explain - copy.bin --bytes 3GiB --json`

export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'Prints the plan for a transfer: its path, what that costs, and why not the others. Moves nothing.',
    )
    .argument('<from>', 'where the bytes come from')
    .argument('<to>', 'where they go')
    .option(
      '--bytes <size>',
      'how many bytes, such as 4096 or 64KiB; as many as the ends say if not given',
      size,
    )
    .option('--prefer <path>', `the path to take where it is possible: ${pathNames.join(', ')}`, path)
    .option('--json', 'print the plan as JSON')
    .addHelpText('after', help)
    .action(explain)
}

async function explain(from: string, to: string, { bytes, prefer, json }: ExplainOptions): Promise<void> {
  const stage = new Stage()
  try {
    const sources: ExplainedSource[] = []
    for (const name of from.split(',')) sources.push(await explainedSource(name, stage))
    const sinks: ExplainedSink[] = []
    for (const name of to.split(',')) sinks.push(await explainedSink(name, stage))
    const size = bytes ?? sizeOf(sources)
    const made = planBetween(sources, sinks, { bytes: size, prefer })
    const explained = {
      from: sources.map(({ is }) => is),
      to: sinks.map(({ is }) => is),
      bytes: size ?? null,
      plan: made,
      costs: costsInForce(),
    }
    process.stdout.write(
      json ? `${JSON.stringify(explained, null, 2)}\n` : planText(explained, terminalLayout()),
    )
  } finally {
    stage.clear()
  }
}

/** Of all, where all say it. */
function sizeOf(sources: readonly ExplainedSource[]): number | undefined {
  return sources.reduce<number | undefined>(
    (sum, { bytes }) => (sum === undefined || bytes === undefined ? undefined : sum + bytes),
    0,
  )
}

function planBetween(
  sources: readonly ExplainedSource[],
  sinks: readonly ExplainedSink[],
  options: { bytes: number | undefined; prefer: PathName | undefined },
): Plan | ListPlan {
  const to = sinks.map(sink => sink.end)
  if (sources.length === 1) return plan(sources[0]!.end, to.length === 1 ? to[0]! : to, options)
  if (to.length === 1) return plan(sources.map(partOf), to[0]!, options)
  throw new SluiceError('ERR_SLUICE_OPTION', 'FROM and TO cannot be several at once')
}

/** Of the parts of a list it counts which is the largest. */
function partOf({ end, bytes }: ExplainedSource): SourceLike {
  const isFile = 'kind' in end && end.kind === 'file'
  return isFile && bytes !== undefined && bytes > 0 ? { ...end, end: bytes - 1 } : end
}

interface Explained {
  readonly from: readonly string[]
  readonly to: readonly string[]
  readonly bytes: number | null
  readonly plan: Plan | ListPlan
  readonly costs: ReturnType<typeof costsInForce>
}

function planText({ from, to, bytes, plan, costs }: Explained, layout: Layout): string {
  const lines = table([...named('from', from), ...named('to', to)], layout)
  if ('parts' in plan) {
    for (const [i, part] of plan.parts.entries())
      lines.push(`part ${i + 1}`, ...pathLines(part, null, layout))
  } else lines.push(...pathLines(plan, bytes, layout))
  return `${[...lines, ...wrap(costsLine(costs), layout.columns)].join('\n')}\n`
}

function named(name: string, ends: readonly string[]) {
  return ends.map((end, i) => ({ cells: [{ text: i === 0 ? name : '' }], text: end }))
}

function pathLines({ path, why, expected, rejected }: Plan, bytes: number | null, layout: Layout): string[] {
  const taken = [
    { cells: [{ text: 'path' }], text: path },
    { cells: [{ text: 'why' }], text: why },
    { cells: [{ text: 'cost' }], text: costText(expected, bytes) },
  ]
  const others = rejected.map(other => ({ cells: [{ text: `  ${other.path}` }], text: other.why }))
  const lines = table(taken, layout)
  return others.length === 0 ? lines : [...lines, 'not', ...table(others, layout)]
}

function costText(expected: Plan['expected'], bytes: number | null): string {
  if (expected === unmeasured) return 'not measured'
  const { nsPerCall, nsPerKiB } = expected
  const parts = `${showNs(nsPerCall)} a call, ${showNs(nsPerKiB)} a KiB`
  return bytes === null ? parts : `${showNs(nsOf(expected, bytes))} for ${showBytes(bytes)}: ${parts}`
}

function size(text: string): number {
  return parseSize('--bytes', text)
}

function path(text: string): PathName {
  if ((pathNames as readonly string[]).includes(text)) return text as PathName
  throw new SluiceError(
    'ERR_SLUICE_OPTION',
    `--prefer must be one of ${pathNames.join(', ')}, not ${show(text)}`,
  )
}
