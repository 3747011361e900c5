/** Descriptors: as many are open after a hundred of each outcome as before. */
import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import type { Server } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/ends/endpoints.js'
import { descriptorOf } from '#sluice/transfer/ends/held-socket.js'
import type { TransferOptions } from '#sluice/transfer/jobs/job.js'
import { type PipePool, sharedPipes } from '#sluice/transfer/pipe-pool.js'
import { sendPathNames } from '#sluice/transfer/plan/plan-send.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { run } from '../support/command.js'
import { evict, randomFile } from '../support/contents.js'
import { descriptorsBackTo, openDescriptors } from '../support/descriptors.js'
import { connectTo, listener, type SocketPair } from '../support/sockets.js'
import { temporaryFolder } from '../support/temporary.js'

const times = 100
const atOnce = 20

interface Case {
  readonly small: string
  readonly large: string
  readonly pair: SocketPair
  readonly options: TransferOptions
}

const outcomes: Record<string, (given: Case) => Promise<unknown>> = {
  success: ({ small, pair, options }) => transfer(file(small), socket(pair.socket), options),
  'success from a handle': async ({ small, pair, options }) => {
    const handle = await open(small)
    const sent = transfer(file(handle), socket(pair.socket), options)
    await handle.close()
    return sent
  },
  'success to a descriptor': ({ small, pair, options }) =>
    transfer(file(small), socket(descriptorOf(pair.socket)), options),
  'a missing file': ({ small, pair, options }) =>
    transfer(file(`${small}.missing`), socket(pair.socket), options),
  'a range beyond the end': ({ small, pair, options }) =>
    transfer(file(small, { start: 1 * MiB }), socket(pair.socket), options),
  'an abort': ({ large, pair, options }) => {
    const controller = new AbortController()
    const onProgress = () => controller.abort()
    return transfer(file(large), socket(pair.socket), { ...options, signal: controller.signal, onProgress })
  },
  'a deadline': ({ large, pair, options }) => {
    pair.peer.socket.pause()
    return transfer(file(large), socket(pair.socket), { ...options, deadlineMs: 5 })
  },
  'a reset': ({ large, pair, options }) => {
    const onProgress = () => pair.peer.socket.resetAndDestroy()
    return transfer(file(large), socket(pair.socket), { ...options, onProgress })
  },
  'a destroyed socket': ({ large, pair, options }) => {
    const onProgress = () => void pair.socket.destroy()
    return transfer(file(large), socket(pair.socket), { ...options, onProgress })
  },
  'a throwing callback': ({ large, pair, options }) => {
    const onProgress = () => {
      throw new Error('enough')
    }
    return transfer(file(large), socket(pair.socket), { ...options, onProgress })
  },
}

for (const prefer of sendPathNames) {
  test(`${prefer}: descriptors are where they were after ${times} of each outcome`, async t => {
    const folder = temporaryFolder(t)
    const small = randomFile(folder, 'small.bin', 10 * KiB).path
    const large = randomFile(folder, 'large.bin', 8 * MiB).path
    const server = await listener(t)
    // The first transfers open what all later ones use: the engine's set, and the null device.
    evict(large)
    await once(server, small, large, outcomes['a reset']!, { prefer })
    if (native !== null) keepPipes(sharedPipes(native))
    const before = openDescriptors()
    for (const [name, outcome] of Object.entries(outcomes)) {
      for (let done = 0; done < times; done += atOnce) {
        if (done === 0) evict(large)
        await Promise.all(
          Array.from({ length: atOnce }, () => once(server, small, large, outcome, { prefer })),
        )
      }
      await descriptorsBackTo(before).catch(error => assert.fail(`after ${name}: ${error.message}`))
    }
  })
}

test('with no descriptor left a transfer says so, and the next one is in order', async () => {
  const program = fileURLToPath(new URL('./children/short-of-descriptors.js', import.meta.url))
  const child = run('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', process.execPath, program])
  const { code, stdout, stderr } = await child.finished()
  assert.equal(code, 0, stderr)
  assert.equal(stdout, 'as it should be\n')
})

/** Has the pool keep as many pipes as are ever used at once. */
function keepPipes(pool: PipePool): void {
  const pipes = Array.from({ length: atOnce }, () => pool.take())
  for (const pipe of pipes) pool.give(pipe, true)
}

/** One transfer on a connection of its own, and the end of both. */
async function once(
  server: Server,
  small: string,
  large: string,
  outcome: (given: Case) => Promise<unknown>,
  options: TransferOptions,
): Promise<void> {
  const pair = await connectTo({ after() {} }, server)
  pair.socket.on('error', () => {})
  await outcome({ small, large, pair, options }).catch(() => {})
  pair.socket.destroy()
  pair.peer.socket.destroy()
}
