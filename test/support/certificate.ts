/** A certificate that signs itself, made anew for a test. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { plainEnvironment } from './commands.js'
import { temporaryFolder } from './temporary.js'

/** Needs the program `openssl`. */
export function certificate(t: TestContext, name: string): { key: Buffer; cert: Buffer } {
  const folder = temporaryFolder(t)
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  const form = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  execFileSync('openssl', ['req', '-x509', ...form, ...subject, '-keyout', key, '-out', cert], {
    stdio: 'pipe',
    env: plainEnvironment,
  })
  return { key: readFileSync(key), cert: readFileSync(cert) }
}
