/**
 * A process in which techniques are tried. A seccomp filter may kill for a system call (systemd's SystemCallFilter=
 * does so by default), and a broken driver or filesystem may hold one for ever: then only that process is lost.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Technique, TechniqueName } from './report.js'

/** What came of asking: an answer, or why none will come. */
export type Answer<T> =
  | { readonly value: T }
  | { readonly lost: string; readonly signal: NodeJS.Signals | null }

/** Set in such a process, so that a program that is one executable file never starts itself over and over. */
const marker = 'SLUICE_DOCTOR_PROCESS'
const main = fileURLToPath(new URL('./probe-process-main.js', import.meta.url))
/** Starting takes 50 ms and a try 10 ms: these are for a machine that is busy with other things. */
const startMs = 10_000
const examineMs = 10_000

export class ProbeProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** null where no process can be started: then techniques are tried in this one. */
  static async start(): Promise<ProbeProcess | null> {
    if (process.env[marker] !== undefined) return null
    try {
      const child = fork(main, {
        execArgv: [],
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        env: { ...process.env, [marker]: '1' },
      })
      const answer = await nextMessage(child, startMs)
      if ('value' in answer) return new ProbeProcess(child)
      child.kill('SIGKILL')
    } catch {
      // Sandboxes and Node's own permission model may forbid processes.
    }
    return null
  }

  /** Tries a technique there. Once an answer is lost so is the process: only close() is left. */
  async examine(name: TechniqueName, deadlineMs = examineMs): Promise<Answer<Technique>> {
    const answer = nextMessage(this.#child, deadlineMs)
    this.#child.send(name)
    return (await answer) as Answer<Technique>
  }

  close(): void {
    this.#child.kill('SIGKILL')
    this.#child.unref()
  }
}

function nextMessage(child: ChildProcess, deadlineMs: number): Promise<Answer<unknown>> {
  return new Promise(resolve => {
    const settle = (answer: Answer<unknown>): void => {
      clearTimeout(timer)
      for (const event of ['message', 'error', 'exit']) child.removeAllListeners(event)
      // A child that cannot be reached any more reports that as an error, at any time.
      child.on('error', () => {})
      resolve(answer)
    }
    const timer = setTimeout(
      () => settle({ lost: `it had not ended after ${deadlineMs / 1000} s`, signal: null }),
      deadlineMs,
    )
    child.once('message', value => settle({ value }))
    child.once('error', ({ message }) => settle({ lost: message, signal: null }))
    child.once('exit', (code, signal) =>
      settle({ lost: `the process ended with ${signal ?? `status ${code}`}`, signal }),
    )
  })
}
