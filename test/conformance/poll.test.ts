/** Every path on the poll engine; and, where there is no addon, by copying. */
import { conformance } from './suite.js'

conformance('poll')
