/**
 * Whether a sink takes nothing, once the first sink has everything. Time is counted in turns of the loop: a loop that was
 * held up had no turn for the sink either, and what the sink took meanwhile is told only after the timer.
 */

/** How long a sink may take nothing before it is dropped. */
export const stallMs = 1000
const turns = 10
/** How often it is looked at. */
export const stallTurnMs = stallMs / turns

export const stallWhy = `it took nothing for ${stallMs} ms after the first sink had everything`

export class Stall {
  #sentBytes = 0
  #idleTurns = 0

  /** To be asked every `stallTurnMs` → whether the sink has taken nothing for as long as it may. */
  after(sentBytes: number): boolean {
    this.#idleTurns = sentBytes === this.#sentBytes ? this.#idleTurns + 1 : 0
    this.#sentBytes = sentBytes
    return this.#idleTurns >= turns
  }
}
