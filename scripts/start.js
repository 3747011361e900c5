// `npm start`: builds what is missing, makes the example's media and serves it.

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from './build.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
build()
await import('../examples/make-site.js')
process.argv = [
  process.argv[0],
  join(root, 'bin', 'sluice.js'),
  'serve',
  join(root, 'examples', 'site'),
  ...process.argv.slice(2),
]
await import('../bin/sluice.js')
