/** How the paths from memory to a socket or pipe tell what becomes of the bytes. */

export interface ReferenceEnds {
  /**
   * Once: the sink has all, or it failed; with PathRefused another path may be tried. The hold is not used any more.
   * May be called inside begin().
   */
  sent(error: unknown, sentBytes: number): void
  /** Once, after `sent`, perhaps much later: the kernel does not refer to the memory. `copiedBytes` were copied. */
  released(copiedBytes: number): void
}
