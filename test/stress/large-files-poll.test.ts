/** Large files on the poll engine. */
import { needsAddon } from '../support/addon.js'
import { largeFiles } from './large-files.js'

largeFiles('poll', needsAddon.skip, [
  { to: 'TCP', path: 'sendfile' },
  { to: 'TCP', path: 'zerocopy' },
  { to: 'pipe', path: 'splice' },
])
