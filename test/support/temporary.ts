/** A folder that is gone when the test is over; on the disk that the repository is on, not on a tmpfs. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { repository } from './repository.js'

export function temporaryFolder(t: Pick<TestContext, 'after'>): string {
  const parent = join(repository, 'build', 'tmp')
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, 'test-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  t.after(() => {
    try {
      remove()
    } catch {
      // What the test has opened since is closed by later hooks, and may be making another file. To fail here would
      // skip them: a listener would stay open, and the process would never end.
      process.once('exit', remove)
    }
  })
  return folder
}
