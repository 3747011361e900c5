/** A ring of the loop with nothing in flight, then with something: the process ends when that is over. */
import { constants } from 'node:os'
import { LoopRing } from '#sluice/ring/loop-ring.js'

const ring = new LoopRing({
  onCompletion(low, _high, result) {
    console.log(low, result === -constants.errno.ETIME)
    if (low < 3) ring.submissions.timeout(10, 0, 0, low + 1, 0)
  },
})
// Prepared at some other time than in a turn of the ring's: whoever does that submits.
ring.submissions.timeout(10, 0, 0, 1, 0)
ring.submit()
// Nothing closes the ring.
