/**
 * Which of the paths between two ends is taken: of those that nothing speaks against, the cheapest. Hot: servers ask
 * it for every response, so a plan is made once for each question and size class, and is shared after that.
 */
import { showBytes, showNs } from '../../base/figures.js'
import { GiB, MiB } from '../../base/units.js'
import { costEdition, costTable } from './cost-table.js'
import { expectedOf, nsOf, type PairName } from './costs.js'
import { type Expected, type PathName, type Plan, type PlanOptions, pathNames } from './path.js'

export interface Candidate {
  readonly path: PathName
  /** One clause: what is good about it. */
  readonly advantage: string
  /** Why it cannot be taken, or an empty string where it can. */
  readonly obstacle: string
}

/** What a source without a length is taken to bring: streams that are worth a plan are long. */
const bytesUnknown = 1 * MiB
/** Costs that differ by less are the same: the order decides, and plans do not change with the noise of a measurement. */
const sameCost = 1.03
/** What nobody has measured. It is taken by its place, not by this: about what it costs to carry bytes in and out. */
export const unmeasured: Expected = Object.freeze({ nsPerCall: 10_000, nsPerKiB: 200 })

/**
 * `candidates`: in the order in which they are taken where no costs are known; of these the last must always be
 * possible. The list must not be changed any more. The plan is shared and frozen.
 */
export function choose(
  pair: PairName,
  candidates: readonly Candidate[],
  { prefer, bytes }: PlanOptions,
): Plan {
  const question = questionOf(pair, candidates)
  const preferred = prefer === undefined ? 0 : pathNames.indexOf(prefer) + 1
  const key = sizeClass(bytes) * (pathNames.length + 1) + preferred
  const known = question?.plans.get(key)
  if (known !== undefined) return known
  const plan = makePlan(pair, candidates, { prefer, bytes })
  question?.plans.set(key, plan)
  return plan
}

/** What was asked before, and the plans that answer it by size class and preferred path. */
interface Question {
  readonly candidates: readonly Candidate[]
  readonly plans: Map<number, Plan>
}

/** Of one pair. There are as many as there are combinations of obstacles that are met: a few. */
const questionsMax = 16
const questions = new Map<PairName, Question[]>()
let edition = -1

/** null where a pair has so many questions that obstacles must have texts of their own. */
function questionOf(pair: PairName, candidates: readonly Candidate[]): Question | null {
  if (edition !== costEdition()) {
    questions.clear()
    edition = costEdition()
  }
  const known = questions.get(pair)
  if (known !== undefined) {
    for (let i = 0; i < known.length; i++) if (isSame(known[i]!.candidates, candidates)) return known[i]!
    if (known.length === questionsMax) return null
  }
  const question: Question = { candidates, plans: new Map() }
  if (known === undefined) questions.set(pair, [question])
  else known.push(question)
  return question
}

function isSame(known: readonly Candidate[], candidates: readonly Candidate[]): boolean {
  if (known === candidates) return true
  if (known.length !== candidates.length) return false
  for (let i = 0; i < known.length; i++) {
    const a = known[i]!
    const b = candidates[i]!
    if (a.obstacle !== b.obstacle || a.path !== b.path || a.advantage !== b.advantage) return false
  }
  return true
}

/** Classes are an eighth of a power of two wide: inside one, costs differ by less than measurements do. */
const stepsLog2 = 3
const classBytesMax = 1 * GiB

/** 0 where the size is not known. */
function sizeClass(bytes: number | undefined): number {
  if (bytes === undefined) return 0
  const whole = Math.min(bytes, classBytesMax)
  if (whole < 1 << stepsLog2) return whole + 1
  const shift = 31 - Math.clz32(whole) - stepsLog2
  // To the nearest: the half that is added may lead into the next class.
  return ((shift + 1) << stepsLog2) + ((whole + ((1 << shift) >> 1)) >> shift) - (1 << stepsLog2) + 1
}

/** The size that stands for a class. */
function bytesOf(classIndex: number): number {
  const index = classIndex - 1
  if (index < 1 << stepsLog2) return index
  const shift = (index >> stepsLog2) - 1
  return ((1 << stepsLog2) + (index & ((1 << stepsLog2) - 1))) << shift
}

function makePlan(pair: PairName, candidates: readonly Candidate[], { prefer, bytes }: PlanOptions): Plan {
  const size = bytes === undefined ? bytesUnknown : bytesOf(sizeClass(bytes))
  const rated = candidates.map(candidate => rate(pair, candidate, size))
  const possible = rated.filter(({ obstacle }) => obstacle === '')
  const asked = possible.find(({ path }) => path === prefer)
  const taken = asked ?? cheapest(possible)
  const others = rated.filter(other => other !== taken)
  const plan: Plan = {
    path: taken.path,
    why: asked ? wasAsked(taken) : reasonFor(taken, { rated, possible, prefer, bytes, size }),
    expected: Object.freeze(taken.expected ?? unmeasured),
    rejected: Object.freeze(
      others.map(other => Object.freeze({ path: other.path, why: reasonAgainst(other, taken, asked) })),
    ),
  }
  return Object.freeze(plan)
}

interface Rated extends Candidate {
  /** null where it is not known. */
  readonly expected: Expected | null
  /** What is expected of the whole transfer; infinite where it is not known. */
  readonly ns: number
}

function rate(pair: PairName, candidate: Candidate, bytes: number): Rated {
  const expected = expectedOf(costTable().costs, pair, candidate.path, bytes)
  return { ...candidate, expected, ns: expected ? nsOf(expected, bytes) : Number.POSITIVE_INFINITY }
}

/** What is not known is taken where it comes first, and not preferred to what is known. */
function cheapest(possible: readonly Rated[]): Rated {
  const [first] = possible
  if (first!.expected === null) return first!
  const leastNs = Math.min(...possible.map(({ ns }) => ns))
  return possible.find(({ ns }) => ns <= leastNs * sameCost)!
}

interface Considered extends PlanOptions {
  readonly rated: readonly Rated[]
  readonly possible: readonly Rated[]
  /** What was planned for. */
  readonly size: number
}

function reasonFor(taken: Rated, { rated, possible, prefer, bytes, size }: Considered): string {
  // Where something better was in question, what speaks against it says more than what speaks for this.
  const wanted = rated.find(({ path }) => path === prefer)
  if (wanted !== undefined) return wanted.obstacle
  const better = rated.findLast(other => other.obstacle !== '' && isBetter(other, rated))
  if (better !== undefined) return better.obstacle
  if (possible.length === 1 || taken.expected === null) return taken.advantage
  const next = possible.filter(other => other !== taken).reduce((a, b) => (b.ns < a.ns ? b : a))
  const rival = next.expected === null ? '' : `, ${next.path} ${showNs(next.ns)}`
  const what =
    bytes === undefined ? `an unknown length, taken for ${showBytes(size)}` : `about ${showBytes(size)}`
  const figures = costTable().origin === 'measured' ? 'measured on this kernel' : 'built-in figures'
  return `${taken.advantage}; cheapest of ${possible.length} here for ${what}: ${showNs(taken.ns)} expected${rival} (${figures})`
}

/** Whether this would have been taken, had nothing spoken against it. */
function isBetter(other: Rated, rated: readonly Rated[]): boolean {
  return cheapest(rated.filter(each => each === other || each.obstacle === '')) === other
}

function wasAsked({ path }: Rated): string {
  return `${path === 'copy' ? 'copying' : path} was asked for`
}

function reasonAgainst({ obstacle, expected, ns }: Rated, taken: Rated, asked: Rated | undefined): string {
  if (obstacle !== '') return obstacle
  if (asked !== undefined) return wasAsked(asked)
  if (taken.expected === null) return `${taken.path} goes first where nothing was measured`
  if (expected === null) return `${taken.path} is cheaper as far as is known: this was not measured`
  if (ns > taken.ns) return `${taken.path} is cheaper: this takes ${showNs(ns)}`
  return `${taken.path} goes first at the same cost: this takes ${showNs(ns)}`
}
