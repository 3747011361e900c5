import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { native } from '#sluice/native/load.js'
import { openProxyListener } from '#sluice/relay/listener.js'
import { needsAddon } from '../support/addon.js'
import { temporaryFolder } from '../support/temporary.js'

test('where it cannot listen it says where, why and what to do about it', needsAddon, async t => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'file')
  writeFileSync(path, 'precious')
  const taken = await openProxyListener(native!, { host: '127.0.0.1', port: 0 })
  t.after(() => native!.close(taken.fd))
  const { port } = taken.address as { port: number }
  for (const [target, message] of [
    [
      { host: '192.0.2.1', port: 0 },
      /192\.0\.2\.1:0: EADDRNOTAVAIL\. Choose an address that this machine has/,
    ],
    [
      { host: '127.0.0.1', port },
      /127\.0\.0\.1:\d+: EADDRINUSE\. Choose another address .*, or stop what listens/,
    ],
    [{ host: 'none.invalid', port }, /none\.invalid: E[A-Z_]+\. /],
    [{ path: join(folder, 'none', 'socket') }, /unix:\/.*\/none\/socket: ENOENT\. Make the folder/],
    [{ path }, /unix:\/.*\/file: EADDRINUSE\. .* a file that is no socket stays\.$/],
  ] as const) {
    await assert.rejects(() => openProxyListener(native!, target), { code: 'ERR_SLUICE_LISTEN', message })
  }
})
