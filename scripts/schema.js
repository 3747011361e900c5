// Writes the JSON schema of a proxy's configuration file from the tables in the source; a test holds the two together.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { proxySchema } from '../dist/relay/schema.js'

const path = join(dirname(dirname(fileURLToPath(import.meta.url))), 'schema', 'proxy.schema.json')
mkdirSync(dirname(path), { recursive: true })
writeFileSync(path, `${JSON.stringify(proxySchema(), null, 2)}\n`)
