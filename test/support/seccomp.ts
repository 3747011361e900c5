/** Runs commands under a seccomp filter, as a container's runtime does. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { repository } from './repository.js'
import { temporaryFolder } from './temporary.js'

export interface Filter {
  /** What the refused calls give: an error, or the end of the process by SIGSYS. */
  action: 'EPERM' | 'ENOSYS' | 'KILL'
  /** Those that test/support/seccomp.c knows. */
  calls: readonly string[]
}

/** The words that go before a command so that it runs under the filter. */
export function underSeccomp(t: Pick<TestContext, 'after'>, { action, calls }: Filter): string[] {
  const launcher = join(temporaryFolder(t), 'seccomp')
  execFileSync('cc', ['-Wall', '-Werror', '-o', launcher, join(repository, 'test', 'support', 'seccomp.c')])
  return [launcher, action, calls.join(',')]
}
