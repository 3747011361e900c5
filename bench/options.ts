/** The benchmark's command line. */
import { parseArgs } from 'node:util'
import { BenchError } from './fail.js'
import { type RelayTrial, relayTrials } from './relay/trial.js'
import { type RingTrial, ringTrials } from './ring/trial.js'
import { type StreamTrial, streamTrials } from './streams/trial.js'
import { type PathTrial, pathTrials, type Trial, trials } from './trials.js'

const networks = ['machine', 'own'] as const

export interface BenchOptions {
  /** As asked for: only these cases, and servers or pairs. */
  trial: Trial | PathTrial | RelayTrial | RingTrial | StreamTrial
  repetitions: number
  seconds: number
  warmupSeconds: number
  /** The machine's loopback as it is, or one of the benchmark's own. */
  network: (typeof networks)[number]
  /** Where the raw result goes, if not to the usual place. */
  out?: string
  /** Keep the raw result in bench/results, under version control. */
  save: boolean
  markdown: boolean
}

const allTrials: readonly BenchOptions['trial'][] = [
  ...trials,
  ...pathTrials,
  ...relayTrials,
  ...ringTrials,
  ...streamTrials,
]
const usualPace = { repetitions: 5, seconds: 2, warmupSeconds: 2 }

export const usage = `usage: npm run bench -- TRIAL… [options]

trials: ${allTrials.map(trial => `${trial.name}  ${trial.title}`).join('\n        ')}

  --sizes A,B         only these, such as 64KiB,100MiB
  --servers A,B       only these, such as sluice,nginx; of the trial relay, proxies
  --pairs A,B         of the trial paths only these, such as "file → tcp"; an arrow may be written ->
  --cases A,B         of the trial relay only these, such as "1 stream,connections"; of streams, jobs
  --repetitions N     fresh processes for each server and case, or for each pair, default 5; relay: 3
  --seconds S         length of a measurement, default 2; paths: 5; relay, streams: 1
  --warmup S          load before it that is not counted, default 2; relay: 0.8, streams: 0.5; paths have a warm-up of their own
  --network own       on a loopback apart from the machine's, with TCP cubic (takes root); default: machine
  --out FILE          where the raw result goes; default: a new file in build/bench/results
  --save              keep it in bench/results instead
  --markdown          print the tables as Markdown as well

npm run bench:setup brings the rivals: nginx, HAProxy, Bun and send.`

/** The options of each trial that is named. Null where help is asked for. Throws a BenchError on what cannot be done. */
export function parseAll(argv: readonly string[]): BenchOptions[] | null {
  const { positionals } = parse(argv)
  if (positionals.length <= 1) {
    const options = parseOptions(argv)
    return options === null ? null : [options]
  }
  const flags = argv.filter(argument => !positionals.includes(argument))
  const each = positionals.map(name => parseOptions([name, ...flags]))
  return each.every(options => options !== null) ? each : null
}

/** Null where help is asked for. Throws a BenchError on what cannot be done. */
export function parseOptions(argv: readonly string[]): BenchOptions | null {
  const { values, positionals } = parse(argv)
  if (values.help) return null
  const trial = chosenTrial(positionals)
  const pace = 'pace' in trial ? trial.pace : usualPace
  return {
    trial: chosenPart(trial, values),
    repetitions: positive('--repetitions', values.repetitions ?? pace.repetitions, Number.isSafeInteger),
    seconds: positive('--seconds', values.seconds ?? pace.seconds, Number.isFinite),
    warmupSeconds: positive('--warmup', values.warmup ?? pace.warmupSeconds, Number.isFinite),
    network: oneOf('--network', networks, values.network),
    ...(values.out === undefined ? {} : { out: values.out }),
    save: values.save,
    markdown: values.markdown,
  }
}

interface Choice {
  sizes?: string | undefined
  servers?: string | undefined
  pairs?: string | undefined
  cases?: string | undefined
}

function chosenPart(trial: BenchOptions['trial'], choice: Choice): BenchOptions['trial'] {
  if ('pairs' in trial) return chosenPaths(trial, choice)
  if ('steps' in trial) return chosenSteps(trial, choice)
  if ('jobs' in trial) return chosenJobs(trial, choice)
  return 'proxies' in trial ? chosenProxies(trial, choice) : chosenServers(trial, choice)
}

function chosenJobs(trial: StreamTrial, { sizes, servers, pairs, cases }: Choice): StreamTrial {
  for (const [option, list] of Object.entries({ sizes, servers, pairs }))
    if (list !== undefined) throw new BenchError(`--${option}: ${trial.name} has cases`)
  // An arrow may be written ->, as in pairs.
  return { ...trial, jobs: chosen('--cases', trial.jobs, cases?.replaceAll('->', '→'), job => job.label) }
}

function chosenProxies(trial: RelayTrial, { sizes, servers, pairs, cases }: Choice): RelayTrial {
  if (pairs !== undefined) throw new BenchError(`--pairs: ${trial.name} has servers`)
  if (sizes !== undefined) throw new BenchError(`--sizes: ${trial.name} has cases`)
  return {
    ...trial,
    cases: chosen('--cases', trial.cases, cases, each => each.label),
    proxies: chosen('--servers', trial.proxies, servers, proxy => proxy.name),
  }
}

function chosenServers(trial: Trial, { sizes, servers, pairs, cases }: Choice): Trial {
  if (pairs !== undefined) throw new BenchError(`--pairs: ${trial.name} has servers`)
  if (cases !== undefined) throw new BenchError(`--cases: ${trial.name} has sizes`)
  return {
    ...trial,
    cases: chosen('--sizes', trial.cases, sizes, each => each.label),
    peers: chosen('--servers', trial.peers, servers, peer => peer.name),
  }
}

function chosenPaths(trial: PathTrial, { sizes, servers, pairs, cases }: Choice): PathTrial {
  if (servers !== undefined) throw new BenchError(`--servers: ${trial.name} has pairs`)
  if (cases !== undefined) throw new BenchError(`--cases: ${trial.name} has sizes`)
  return {
    ...trial,
    cases: chosen('--sizes', trial.cases, sizes, each => each.label),
    pairs: chosen('--pairs', trial.pairs, pairs?.replaceAll('->', '→'), pair => pair),
  }
}

function chosenSteps(trial: RingTrial, { sizes, servers, pairs, cases }: Choice): RingTrial {
  if ([sizes, servers, pairs, cases].some(list => list !== undefined))
    throw new BenchError(`${trial.name} runs whole: its steps are compared with each other`)
  return trial
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        sizes: { type: 'string' },
        servers: { type: 'string' },
        pairs: { type: 'string' },
        cases: { type: 'string' },
        repetitions: { type: 'string' },
        seconds: { type: 'string' },
        warmup: { type: 'string' },
        network: { type: 'string', default: 'machine' },
        out: { type: 'string' },
        save: { type: 'boolean', default: false },
        markdown: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    throw new BenchError(`${(error as Error).message} (--help lists the options)`)
  }
}

function chosenTrial(positionals: readonly string[]): BenchOptions['trial'] {
  const names = allTrials.map(trial => trial.name).join(', ')
  const [name, ...others] = positionals
  if (name === undefined || others.length > 0)
    throw new BenchError(`name one trial: ${names} (--help lists the options)`)
  const trial = allTrials.find(each => each.name === name)
  if (trial === undefined) throw new BenchError(`no trial is named ${name}; there is ${names}`)
  return trial
}

/** The items that a comma-separated list names, in their own order; spaces and case do not matter. */
function chosen<Item>(
  option: string,
  items: readonly Item[],
  list: string | undefined,
  nameOf: (item: Item) => string,
): Item[] {
  if (list === undefined) return [...items]
  const plain = (name: string) => name.replaceAll(' ', '').toLowerCase()
  const wanted = list.split(',').map(plain)
  const known = items.map(item => plain(nameOf(item)))
  const unknown = wanted.find(name => !known.includes(name))
  if (unknown !== undefined)
    throw new BenchError(`${option}: no ${unknown}; there is ${items.map(nameOf).join(', ')}`)
  return items.filter(item => wanted.includes(plain(nameOf(item))))
}

function oneOf<Word extends string>(option: string, words: readonly Word[], text: string): Word {
  const word = words.find(each => each === text)
  if (word === undefined) throw new BenchError(`${option} must be ${words.join(' or ')}, not ${text}`)
  return word
}

function positive(option: string, text: string | number, allowed: (value: number) => boolean): number {
  const value = Number(text)
  if (!allowed(value) || value <= 0) throw new BenchError(`${option} must be a number above 0, not ${text}`)
  return value
}
