/** Opens a ring of each kind and prints what came of it: `open`, or the error's code, errno and message. */
import { SluiceError } from '#sluice/base/errors.js'
import { LoopRing } from '#sluice/ring/loop-ring.js'
import { ThreadRing } from '#sluice/ring/thread-ring.js'

for (const open of [() => new LoopRing({ onCompletion() {} }), () => new ThreadRing()]) {
  try {
    const ring = open()
    ring.provideBuffers({ group: 0, count: 1, bufferBytes: 64 })
    console.log('open')
    await ring.close()
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    console.log(JSON.stringify([error.code, error.errno, error.message]))
  }
}
