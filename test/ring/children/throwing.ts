/** A handler that throws at every completion but the last; each is reported, and none is lost. */
import { LoopRing } from '#sluice/ring/loop-ring.js'

const thrown: string[] = []
process.on('uncaughtException', error => {
  thrown.push(error.message)
  if (thrown.length === 4) console.log(thrown.join())
})
const ring = new LoopRing({
  onCompletion(low) {
    if (low < 4) throw new Error(`${low}`)
    console.log('last', low)
  },
})
for (let index = 0; index < 5; index++) ring.submissions.nop(index, 0)
ring.submit()
