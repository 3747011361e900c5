/** How a pipe is emptied into a file: by several writes in one trip to the thread pool. */
import { KiB } from '../../base/units.js'

/**
 * What one write covers at most. The page cache takes memory in pieces as large as the write, and large pieces of free
 * memory are dear where a virtual machine gives them back to its host: with writes of 2 MiB, new files on ext4 took
 * between 0.45 and 1.8 s of CPU per GB from one run to the next, with 256 KiB 0.51 to 1.1, with 64 KiB 0.61 to 1.1 (Linux
 * 6.18, 2026-11-21).
 */
export const writePieceBytes = 256 * KiB
