/** Large files on the ring engine. */
import { needsRing } from '../ring/support.js'
import { largeFiles } from './large-files.js'

largeFiles('ring', needsRing.skip, [
  { to: 'TCP', path: 'splice' },
  { to: 'pipe', path: 'sendfile' },
])
