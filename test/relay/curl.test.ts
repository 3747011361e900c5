/** curl over TLS through the proxy, which takes it to the site that it asks for. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { MiB } from '#sluice/base/units.js'
import { native } from '#sluice/native/load.js'
import { certificate } from '../support/certificate.js'
import { plainEnvironment, without } from '../support/commands.js'
import { sha256 } from '../support/contents.js'
import { temporaryFolder } from '../support/temporary.js'
import { openProxy } from './support.js'

const needs = native === null ? { skip: 'there is no addon' } : without('curl', 'openssl')

test('curl gets and posts over TLS, from the site that it names, by its own certificate', needs, async t => {
  const folder = temporaryFolder(t)
  const names = ['a.example.org', 'b.example.org']
  const sites = new Map(
    await Promise.all(names.map(async name => [name, await site(t, folder, name)] as const)),
  )
  const sni = Object.fromEntries([...sites].map(([name, { address }]) => [name, [address]]))
  const proxy = await openProxy(t, { upstreams: undefined, sni })
  const { port } = proxy.address as { port: number }
  const upload = Buffer.alloc(3 * MiB, 'what curl posts ')
  writeFileSync(join(folder, 'upload'), upload)
  for (const [name, { page, certificateFile }] of sites) {
    // That its certificate is accepted says that it was this site that answered.
    const to = ['--resolve', `${name}:${port}:127.0.0.1`, '--cacert', certificateFile]
    const curl = async (...args: string[]): Promise<Buffer> => {
      const command = [
        '--silent',
        '--show-error',
        '--fail',
        '--noproxy',
        '*',
        ...to,
        ...args,
        `https://${name}:${port}/`,
      ]
      const { stdout } = await promisify(execFile)('curl', command, {
        encoding: 'buffer',
        env: plainEnvironment,
        maxBuffer: 16 * MiB,
      })
      return stdout
    }
    assert.ok((await curl()).equals(page))
    assert.equal(String(await curl('--data-binary', `@${join(folder, 'upload')}`)), sha256(upload))
  }
  // A client that closes before it has read the last of TLS resets its connection: that is not counted here.
  assert.equal(proxy.counters.badHellos, 0)
})

/** A site that answers with a large page of its own, and to a POST with the digest of what was posted. */
async function site(
  t: TestContext,
  folder: string,
  name: string,
): Promise<{ address: string; page: Buffer; certificateFile: string }> {
  const made = certificate(t, name)
  const page = Buffer.alloc(3 * MiB, `this is ${name} `)
  const server = createServer(made, (request, response) => {
    const digest = createHash('sha256')
    request.on('data', bytes => digest.update(bytes))
    request.on('end', () => response.end(request.method === 'POST' ? digest.digest('hex') : page))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const certificateFile = join(folder, `${name}.pem`)
  writeFileSync(certificateFile, made.cert)
  return { address: `127.0.0.1:${(server.address() as { port: number }).port}`, page, certificateFile }
}
