/**
 * Whose turn it is: transfers to one sink go one after the other, in the order in which they were asked for. How
 * long each takes to open its file, or whether it copies, makes no difference.
 */
import type { SinkTarget } from './endpoints.js'

/** Streams carry their line themselves: a WeakMap would cost every response more than all else here. */
const lineOf = Symbol('transfers in line')
const linesByDescriptor = new Map<number, Turn[]>()

interface Lined {
  [lineOf]?: Turn[]
}

/** A place in the line before a sink. */
export class Turn {
  readonly #sink: SinkTarget
  readonly #line: Turn[]
  #begin: (() => void) | null = null

  /** Takes the last place. */
  constructor(sink: SinkTarget) {
    this.#sink = sink
    this.#line = lineBefore(sink)
    this.#line.push(this)
  }

  /** Calls back when all that came before have left: at once where there are none. */
  whenCome(begin: () => void): void {
    if (this.#line[0] === this) begin()
    else this.#begin = begin
  }

  /** Whether nobody has come after. */
  get isLast(): boolean {
    return this.#line[this.#line.length - 1] === this
  }

  /** Leaves the line, from whatever place. Doing so again does nothing. */
  leave(): void {
    const line = this.#line
    const place = line.indexOf(this)
    if (place === -1) return
    if (place === 0) line.shift()
    else line.splice(place, 1)
    if (line.length === 0 && typeof this.#sink === 'number') linesByDescriptor.delete(this.#sink)
    const next = line[0]
    // Not from here: a thousand short transfers would begin inside one another.
    if (place === 0 && next !== undefined) queueMicrotask(() => next.#come())
  }

  #come(): void {
    const begin = this.#begin
    this.#begin = null
    if (this.#line[0] === this) begin?.()
  }
}

function lineBefore(sink: SinkTarget): Turn[] {
  if (typeof sink !== 'number') {
    const stream = sink as Lined
    stream[lineOf] ??= []
    return stream[lineOf]
  }
  const known = linesByDescriptor.get(sink)
  if (known !== undefined) return known
  const line: Turn[] = []
  linesByDescriptor.set(sink, line)
  return line
}
