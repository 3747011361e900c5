/** Tests of which each has a time limit of its own, so that what hangs is named. */
import { test as declare, type TestContext } from 'node:test'
import { watchdogMs } from '../support/eventually.js'

export type Needs = { skip?: string | false }

export function test(name: string, options: Needs, body: (t: TestContext) => void | Promise<void>): void {
  declare(name, { ...options, timeout: watchdogMs }, body)
}
