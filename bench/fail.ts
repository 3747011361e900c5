/** What is told to the person who runs the benchmark: what is wrong, and what to do about it. No stack is shown. */
export class BenchError extends Error {
  override name = 'BenchError'
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replaceAll(/\s*\n\s*/g, ' · ')
}
