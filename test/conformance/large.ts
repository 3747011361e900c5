/** More bytes than 32 bits count, of a file that takes no room, to a peer that throws them away. */
import assert from 'node:assert/strict'
import { GiB, MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { file, socket } from '#sluice/transfer/endpoints.js'
import { descriptorOf } from '#sluice/transfer/held-socket.js'
import { transfer } from '#sluice/transfer/transfer.js'
import { needsAddon } from '../support/addon.js'
import { sparseFile } from '../support/contents.js'
import { temporaryFolder } from '../support/temporary.js'
import { bareSink } from '../transfer/bare-ends.js'
import { test } from './named-test.js'

const length = 4 * GiB + 1
const mark = { at: length - 4, text: 'last' }
/** recv(2), tcp(7): the bytes are taken and not delivered. */
const MSG_TRUNC = 0x20

export function declareLarge(): void {
  for (const prefer of ['sendfile', 'splice'] as const) {
    test(`file → TCP by ${prefer}: 4 GiB and a byte`, needsAddon, async t => {
      const path = sparseFile(temporaryFolder(t), 'sparse.bin', length, [mark])
      const sink = await bareSink(t, 'TCP')
      const far = descriptorOf(sink.far)
      const bytes = Buffer.alloc(1 * MiB)
      let received = 0
      const done = transfer(file(path), socket(sink.fd), { prefer })
      while (received < length - 4) {
        const wanted = Math.min(bytes.length, length - 4 - received)
        const count = native!.recv(far, bytes.subarray(0, wanted), native!.MSG_DONTWAIT | MSG_TRUNC)
        if (count > 0) received += count
        else await new Promise(setImmediate)
      }
      assert.equal((await done).bytes, length)
      const last = Buffer.alloc(5)
      assert.equal(native!.recv(far, last, native!.MSG_DONTWAIT), 4)
      assert.equal(last.toString('latin1', 0, 4), 'last')
    })
  }
}
