import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { defaultEngine } from '#sluice/engine/default.js'
import type { Ending } from '#sluice/relay/connection-end.js'
import { smallBytes } from '#sluice/relay/passage.js'
import { Session } from '#sluice/relay/session.js'
import { PipePool } from '#sluice/transfer/pipe-pool.js'
import { needsAddon } from '../support/addon.js'
import { nativeWith } from '../support/scripted-native.js'

test(
  'an upstream that has reset while the client ends has reset, though the end is seen first',
  needsAddon,
  async () => {
    const [client, upstream] = [1000, 1001]
    const reset = new Set<number>()
    const native = nativeWith({
      recv: fd => (fd === client ? 0 : -constants.errno.EAGAIN),
      shutdown: fd => (fd === upstream ? -constants.errno.ENOTCONN : 0),
      setsockoptBytes: fd => {
        reset.add(fd)
        return 0
      },
      disconnect: () => 0,
      close: () => 0,
    })
    const host = {
      native,
      engine: defaultEngine()!,
      pipes: new PipePool(native),
      shared: new Uint8Array(smallBytes),
      splices: false,
    }
    const mirrors = { toUpstream: null, toClient: null }
    const ends = { client, upstream, clientIsTcp: true, upstreamIsTcp: true, mirrors }
    const ending = await new Promise<Ending>(resolve => {
      new Session(host, ends, 0, (_session, how) => resolve(how)).begin()
    })
    assert.equal(ending, 'upstream reset')
    assert.deepEqual([...reset], [client, upstream])
  },
)
