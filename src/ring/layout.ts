/**
 * Where the fields of io_uring's structures are (linux/io_uring.h): in 32-bit words, except where it says otherwise.
 * native/abi.c asserts every one against the kernel's header. Fields of 64 bits are two words, the low one first:
 * sluice's addon is for little-endian machines.
 */

/** struct io_uring_params; `sq` and `cq` say where in the rings' memory the fields below are, in bytes. */
export const params = {
  words: 30,
  sqEntries: 0,
  cqEntries: 1,
  flags: 2,
  sqThreadCpu: 3,
  sqThreadIdle: 4,
  features: 5,
  sq: 10,
  cq: 20,
} as const

/** struct io_sqring_offsets */
export const sqOffsets = { head: 0, tail: 1, mask: 2, flags: 4, array: 6 } as const

/** struct io_cqring_offsets */
export const cqOffsets = { head: 0, tail: 1, mask: 2, cqes: 5 } as const

/** struct io_uring_sqe. The first word is the opcode, the flags from bit 8 and ioprio from bit 16 on. */
export const sqe = {
  words: 16,
  fd: 1,
  offset: 2,
  address: 4,
  length: 6,
  operationFlags: 7,
  userData: 8,
  /** buf_index, or buf_group, in the low 16 bits. */
  buffer: 10,
  /** splice_fd_in, or file_index. */
  file: 11,
  address3: 12,
} as const

/** struct io_uring_cqe */
export const cqe = { words: 4, userData: 0, result: 2, flags: 3 } as const

/** struct io_uring_buf. Of the last word the buffer's number is the low half; the ring's tail is over the high half. */
export const buffer = { words: 4, address: 0, length: 2, number: 3 } as const

/** Where the tail of a struct io_uring_buf_ring is, in 16-bit words. */
export const bufferTail = 7

/** struct io_uring_buf_reg */
export const bufferRegistration = { words: 10, address: 0, entries: 2, group: 3 } as const

/** struct io_uring_probe, in bytes */
export const probe = { headBytes: 16, operationBytes: 8, operationFlags: 2, supported: 1 } as const

/** struct io_uring_rsrc_register */
export const resources = { words: 8, count: 0, flags: 1, sparse: 1 } as const

/** struct io_uring_rsrc_update, for registered files and ring descriptors */
export const update = { words: 4, offset: 0, data: 2 } as const

/** struct io_uring_file_index_range */
export const fileRange = { words: 4, offset: 0, length: 1 } as const

/** struct iovec, msghdr, open_how and __kernel_timespec of a 64-bit machine */
export const iovec = { words: 4, address: 0, length: 2 } as const
export const msghdr = { words: 14, vectors: 4, vectorCount: 6 } as const
export const openHow = { words: 6, flags: 0, mode: 2, resolve: 4, bytes: 24 } as const
export const timespec = { words: 4, seconds: 0, nanoseconds: 2 } as const
