/** Sizes in bytes, so that numbers in the source say what they are. */
export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
