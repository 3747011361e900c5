/**
 * Flags of io_uring (linux/io_uring.h), written out so that the addon builds with older headers. The comment is the
 * Linux version that brought the flag, where it is later than 5.10.
 */

/** io_uring_setup(2) */
export const SETUP_SQPOLL = 1 << 1
export const SETUP_SQ_AFF = 1 << 2
export const SETUP_CQSIZE = 1 << 3
export const SETUP_CLAMP = 1 << 4
/** 5.18 */
export const SETUP_SUBMIT_ALL = 1 << 7
/** 5.19 */
export const SETUP_COOP_TASKRUN = 1 << 8
/** 5.19 */
export const SETUP_TASKRUN_FLAG = 1 << 9
/** 6.0 */
export const SETUP_SINGLE_ISSUER = 1 << 12
/** 6.1 */
export const SETUP_DEFER_TASKRUN = 1 << 13

export const FEATURE_SINGLE_MMAP = 1 << 0
export const FEATURE_NODROP = 1 << 1

export const ENTER_GETEVENTS = 1 << 0
export const ENTER_SQ_WAKEUP = 1 << 1
export const ENTER_SQ_WAIT = 1 << 2
/** 5.18 */
export const ENTER_REGISTERED_RING = 1 << 4

/** The submission ring's flags, which the kernel sets. */
export const SQ_NEED_WAKEUP = 1 << 0
export const SQ_CQ_OVERFLOW = 1 << 1
/** 5.19 */
export const SQ_TASKRUN = 1 << 2

/** io_uring_register(2) */
export const REGISTER_BUFFERS = 0
export const UNREGISTER_BUFFERS = 1
export const UNREGISTER_FILES = 3
export const REGISTER_FILES_UPDATE = 6
export const REGISTER_PROBE = 8
/** 5.13 */
export const REGISTER_FILES2 = 13
/** 5.18 */
export const REGISTER_RING_FDS = 20
/** 5.18 */
export const UNREGISTER_RING_FDS = 21
/** 5.19 */
export const REGISTER_PBUF_RING = 22
/** 5.19 */
export const UNREGISTER_PBUF_RING = 23
/** 6.0 */
export const REGISTER_FILE_ALLOC_RANGE = 25

/** A submission's own flags: what `mark()` takes. The descriptor is a slot of the registered files. */
export const FIXED_FILE = 1 << 0
/**
 * It starts when everything before it has completed, and nothing after it starts earlier. A ring that has ever skipped
 * the completion of a success cannot drain any more: -EOPNOTSUPP.
 */
export const DRAIN = 1 << 1
/** The next submission starts when this one has succeeded; where it fails the rest completes with -ECANCELED. */
export const LINK = 1 << 2
/** As LINK, but the next one starts also where this one fails. */
export const HARDLINK = 1 << 3
/** It goes to a thread of the kernel's at once, instead of being tried first. */
export const ASYNC = 1 << 4
/** Set by the operations that take one of the provided buffers. */
export const BUFFER_SELECT = 1 << 5
/** 5.17: no completion where it succeeds. */
export const SKIP_SUCCESS = 1 << 6

/** A completion's flags: a provided buffer was taken, whose number is from bit 16 on. */
export const CQE_BUFFER = 1 << 0
/** More completions of the same submission follow. Where it is missing, this was the last. */
export const CQE_MORE = 1 << 1
/** The bytes of a zero-copy send are no longer used. */
export const CQE_NOTIFICATION = 1 << 3
export const CQE_BUFFER_SHIFT = 16

/** The result of a notification that was asked for with SEND_REPORT_USAGE: the bytes were copied. 6.2 */
export const NOTIFICATION_COPIED = 1 << 31

/** How to send or receive: in a submission's ioprio. 6.0 */
export const RECV_MULTISHOT = 1 << 1
/** 6.0; 6.15 with sendmsgZeroCopy */
export const SEND_FIXED_BUFFER = 1 << 2
/** 6.2 */
export const SEND_REPORT_USAGE = 1 << 3

/** 5.19 */
export const ACCEPT_MULTISHOT = 1 << 0

/** 5.13 */
export const POLL_MULTISHOT = 1 << 0

/** timeout(): `ms` is a time of the monotonic clock, not a span from now. */
export const TIMEOUT_ABSOLUTE = 1 << 0
export const TIMEOUT_UPDATE = 1 << 1
/** 5.16: passing is a success, so that what is linked to it goes on. */
export const TIMEOUT_SUCCESS = 1 << 5
/** 6.4: it completes again and again. */
export const TIMEOUT_MULTISHOT = 1 << 6

/** cancel(): all that match, not the first. 5.19 */
export const CANCEL_ALL = 1 << 0
/** 5.19 */
export const CANCEL_FD = 1 << 1
/** 5.19 */
export const CANCEL_ANY = 1 << 2
/** 6.0 */
export const CANCEL_FD_FIXED = 1 << 3

/** splice(): the source is a slot of the registered files. */
export const SPLICE_SOURCE_FIXED = 1 << 31

/** Where an operation that opens something puts it: into a free slot of the registered files. 5.19 */
export const ANY_SLOT = -1
/** …or into the process's table of descriptors. */
export const AS_DESCRIPTOR = -2

/** futex2(2): a word of 32 bits, seen only by this process. 6.7 */
export const FUTEX_SIZE_U32 = 2
export const FUTEX_PRIVATE = 128
