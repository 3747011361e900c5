/** Hot: the time as a server needs it, read once for each batch of events. */

/** Bytes of a date as HTTP writes it (RFC 9110, section 5.6.7): all are of one length. */
export const dateBytes = 29

export class Clock {
  /** Milliseconds since 1970, as of the last tick. */
  nowMs = 0
  /** The second that `date` and `dateText` say. */
  second = 0
  dateText = ''
  readonly date = new Uint8Array(dateBytes)

  constructor() {
    this.tick()
  }

  tick(): void {
    this.nowMs = Date.now()
    const second = Math.floor(this.nowMs / 1000)
    if (second === this.second) return
    this.second = second
    this.dateText = new Date(second * 1000).toUTCString()
    for (let i = 0; i < dateBytes; i++) this.date[i] = this.dateText.charCodeAt(i)
  }
}
