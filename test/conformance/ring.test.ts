/** Every path on the ring engine. */
import { test } from 'node:test'
import { needsRing } from '../ring/support.js'
import { conformance } from './suite.js'

if (needsRing.skip === false) conformance('ring')
else test('every path on the ring engine', needsRing, () => {})
