/** The operations of io_uring (linux/io_uring.h, enum io_uring_op) that sluice prepares. Linux 5.6 where not said. */
export const OP_NOP = 0
export const OP_WRITEV = 2
export const OP_READ_FIXED = 4
export const OP_WRITE_FIXED = 5
export const OP_POLL_ADD = 6
export const OP_POLL_REMOVE = 7
export const OP_SENDMSG = 9
export const OP_TIMEOUT = 11
export const OP_TIMEOUT_REMOVE = 12
export const OP_ACCEPT = 13
export const OP_ASYNC_CANCEL = 14
export const OP_LINK_TIMEOUT = 15
export const OP_CLOSE = 19
export const OP_STATX = 21
export const OP_READ = 22
export const OP_WRITE = 23
export const OP_SEND = 26
export const OP_RECV = 27
export const OP_OPENAT2 = 28
/** 5.7 */
export const OP_SPLICE = 30
/** 5.8 */
export const OP_TEE = 33
/** 5.11 */
export const OP_SHUTDOWN = 34
/** 5.18 */
export const OP_MSG_RING = 40
/** 6.0 */
export const OP_SEND_ZC = 47
/** 6.1 */
export const OP_SENDMSG_ZC = 48
/** 6.7 */
export const OP_FUTEX_WAIT = 51
/** 6.7 */
export const OP_FUTEX_WAKE = 52
