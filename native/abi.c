/*
 * Asserts every structure whose fields TypeScript reads or writes by offset: a kernel header that disagrees stops
 * the build. The offsets are part of Linux's ABI and the same on every 64-bit machine.
 */
#include <linux/if_xdp.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <linux/tls.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define AT(type, field, offset) _Static_assert(offsetof(struct type, field) == (offset), #type "." #field)

/* The params of io_uring_setup(2), with where the rings' parts are. */
AT(io_uring_params, sq_entries, 0);
AT(io_uring_params, cq_entries, 4);
AT(io_uring_params, flags, 8);
AT(io_uring_params, sq_thread_cpu, 12);
AT(io_uring_params, sq_thread_idle, 16);
AT(io_uring_params, features, 20);
AT(io_uring_params, sq_off, 40);
AT(io_uring_params, cq_off, 80);
_Static_assert(sizeof(struct io_uring_params) == 120, "io_uring_params");
AT(io_sqring_offsets, head, 0);
AT(io_sqring_offsets, tail, 4);
AT(io_sqring_offsets, ring_mask, 8);
AT(io_sqring_offsets, flags, 16);
AT(io_sqring_offsets, array, 24);
AT(io_cqring_offsets, head, 0);
AT(io_cqring_offsets, tail, 4);
AT(io_cqring_offsets, ring_mask, 8);
AT(io_cqring_offsets, cqes, 20);

/* A submission and a completion. */
AT(io_uring_sqe, opcode, 0);
AT(io_uring_sqe, flags, 1);
AT(io_uring_sqe, ioprio, 2);
AT(io_uring_sqe, fd, 4);
AT(io_uring_sqe, off, 8);
AT(io_uring_sqe, addr2, 8);
AT(io_uring_sqe, addr, 16);
AT(io_uring_sqe, splice_off_in, 16);
AT(io_uring_sqe, len, 24);
AT(io_uring_sqe, msg_flags, 28);
AT(io_uring_sqe, user_data, 32);
AT(io_uring_sqe, buf_index, 40);
AT(io_uring_sqe, buf_group, 40);
AT(io_uring_sqe, splice_fd_in, 44);
_Static_assert(sizeof(struct io_uring_sqe) == 64, "io_uring_sqe");
AT(io_uring_cqe, user_data, 0);
AT(io_uring_cqe, res, 8);
AT(io_uring_cqe, flags, 12);

/* The answer of IORING_REGISTER_PROBE. */
AT(io_uring_probe, last_op, 0);
AT(io_uring_probe, ops, 16);
AT(io_uring_probe_op, flags, 2);
_Static_assert(sizeof(struct io_uring_probe_op) == 8, "io_uring_probe_op");

/* What is named by a submission's address, or written there: openat2(2), timeouts, messages, statx(2). */
AT(open_how, flags, 0);
AT(open_how, mode, 8);
AT(open_how, resolve, 16);
_Static_assert(sizeof(struct open_how) == 24, "open_how");
AT(__kernel_timespec, tv_sec, 0);
AT(__kernel_timespec, tv_nsec, 8);
_Static_assert(sizeof(struct __kernel_timespec) == 16, "__kernel_timespec");
AT(iovec, iov_base, 0);
AT(iovec, iov_len, 8);
_Static_assert(sizeof(struct iovec) == 16, "iovec");
AT(msghdr, msg_iov, 16);
AT(msghdr, msg_iovlen, 24);
_Static_assert(sizeof(struct msghdr) == 56, "msghdr");
_Static_assert(sizeof(struct statx) == 256, "statx");

/* Operations, and opcodes of io_uring_register(2), that src/ring/ has as numbers. */
#define IS(name, number) _Static_assert((name) == (number), #name)
IS(IORING_OP_NOP, 0);
IS(IORING_OP_WRITEV, 2);
IS(IORING_OP_READ_FIXED, 4);
IS(IORING_OP_WRITE_FIXED, 5);
IS(IORING_OP_POLL_ADD, 6);
IS(IORING_OP_POLL_REMOVE, 7);
IS(IORING_OP_SENDMSG, 9);
IS(IORING_OP_TIMEOUT, 11);
IS(IORING_OP_TIMEOUT_REMOVE, 12);
IS(IORING_OP_ACCEPT, 13);
IS(IORING_OP_ASYNC_CANCEL, 14);
IS(IORING_OP_LINK_TIMEOUT, 15);
IS(IORING_OP_CLOSE, 19);
IS(IORING_OP_STATX, 21);
IS(IORING_OP_READ, 22);
IS(IORING_OP_WRITE, 23);
IS(IORING_OP_SEND, 26);
IS(IORING_OP_RECV, 27);
IS(IORING_OP_OPENAT2, 28);
IS(IORING_OP_SPLICE, 30);
IS(IORING_OP_TEE, 33);
IS(IORING_SETUP_SQPOLL, 1 << 1);
IS(IORING_SETUP_SQ_AFF, 1 << 2);
IS(IORING_SETUP_CQSIZE, 1 << 3);
IS(IORING_SETUP_CLAMP, 1 << 4);
IS(IORING_FEAT_SINGLE_MMAP, 1 << 0);
IS(IORING_FEAT_NODROP, 1 << 1);
IS(IORING_ENTER_GETEVENTS, 1 << 0);
IS(IORING_ENTER_SQ_WAKEUP, 1 << 1);
IS(IORING_ENTER_SQ_WAIT, 1 << 2);
IS(IORING_SQ_NEED_WAKEUP, 1 << 0);
IS(IORING_SQ_CQ_OVERFLOW, 1 << 1);
IS(IORING_REGISTER_BUFFERS, 0);
IS(IORING_UNREGISTER_BUFFERS, 1);
IS(IORING_UNREGISTER_FILES, 3);
IS(IORING_REGISTER_FILES_UPDATE, 6);
IS(IORING_REGISTER_PROBE, 8);
IS(IOSQE_FIXED_FILE, 1 << 0);
IS(IOSQE_IO_DRAIN, 1 << 1);
IS(IOSQE_IO_LINK, 1 << 2);
IS(IOSQE_IO_HARDLINK, 1 << 3);
IS(IOSQE_ASYNC, 1 << 4);
IS(IOSQE_BUFFER_SELECT, 1 << 5);
IS(IORING_CQE_F_BUFFER, 1 << 0);
IS(IORING_CQE_BUFFER_SHIFT, 16);
IS(IORING_TIMEOUT_ABS, 1 << 0);
IS(SPLICE_F_FD_IN_FIXED, 1U << 31);

/* The same for what is newer than the oldest headers that suffice: by Linux 6.1's last addition. */
#ifdef IORING_SETUP_DEFER_TASKRUN
AT(io_uring_sqe, file_index, 44);
AT(io_uring_sqe, addr3, 48);
AT(io_uring_buf, addr, 0);
AT(io_uring_buf, len, 8);
AT(io_uring_buf, bid, 12);
_Static_assert(sizeof(struct io_uring_buf) == 16, "io_uring_buf");
AT(io_uring_buf_ring, tail, 14);
AT(io_uring_buf_reg, ring_addr, 0);
AT(io_uring_buf_reg, ring_entries, 8);
AT(io_uring_buf_reg, bgid, 12);
_Static_assert(sizeof(struct io_uring_buf_reg) == 40, "io_uring_buf_reg");
AT(io_uring_rsrc_register, nr, 0);
AT(io_uring_rsrc_register, flags, 4);
_Static_assert(sizeof(struct io_uring_rsrc_register) == 32, "io_uring_rsrc_register");
AT(io_uring_rsrc_update, offset, 0);
AT(io_uring_rsrc_update, data, 8);
_Static_assert(sizeof(struct io_uring_rsrc_update) == 16, "io_uring_rsrc_update");
AT(io_uring_file_index_range, off, 0);
AT(io_uring_file_index_range, len, 4);
_Static_assert(sizeof(struct io_uring_file_index_range) == 16, "io_uring_file_index_range");
AT(io_uring_sync_cancel_reg, fd, 8);
AT(io_uring_sync_cancel_reg, flags, 12);
AT(io_uring_sync_cancel_reg, timeout, 16);
_Static_assert(sizeof(struct io_uring_sync_cancel_reg) == 64, "io_uring_sync_cancel_reg");
AT(io_uring_getevents_arg, ts, 16);
_Static_assert(sizeof(struct io_uring_getevents_arg) == 24, "io_uring_getevents_arg");
IS(IORING_OP_SHUTDOWN, 34);
IS(IORING_OP_MSG_RING, 40);
IS(IORING_OP_SEND_ZC, 47);
IS(IORING_OP_SENDMSG_ZC, 48);
IS(IORING_SETUP_SUBMIT_ALL, 1 << 7);
IS(IORING_SETUP_COOP_TASKRUN, 1 << 8);
IS(IORING_SETUP_TASKRUN_FLAG, 1 << 9);
IS(IORING_SETUP_SINGLE_ISSUER, 1 << 12);
IS(IORING_SETUP_DEFER_TASKRUN, 1 << 13);
IS(IORING_ENTER_EXT_ARG, 1 << 3);
IS(IORING_SQ_TASKRUN, 1 << 2);
IS(IORING_ENTER_REGISTERED_RING, 1 << 4);
IS(IORING_REGISTER_FILES2, 13);
IS(IORING_REGISTER_RING_FDS, 20);
IS(IORING_UNREGISTER_RING_FDS, 21);
IS(IORING_REGISTER_PBUF_RING, 22);
IS(IORING_UNREGISTER_PBUF_RING, 23);
IS(IORING_REGISTER_SYNC_CANCEL, 24);
IS(IORING_REGISTER_FILE_ALLOC_RANGE, 25);
IS(IORING_RSRC_REGISTER_SPARSE, 1 << 0);
IS(IORING_FILE_INDEX_ALLOC, ~0U);
IS(IOSQE_CQE_SKIP_SUCCESS, 1 << 6);
IS(IORING_CQE_F_MORE, 1 << 1);
IS(IORING_CQE_F_SOCK_NONEMPTY, 1 << 2);
IS(IORING_CQE_F_NOTIF, 1 << 3);
IS(IORING_RECVSEND_POLL_FIRST, 1 << 0);
IS(IORING_RECV_MULTISHOT, 1 << 1);
IS(IORING_RECVSEND_FIXED_BUF, 1 << 2);
IS(IORING_ACCEPT_MULTISHOT, 1 << 0);
IS(IORING_POLL_ADD_MULTI, 1 << 0);
IS(IORING_TIMEOUT_UPDATE, 1 << 1);
IS(IORING_TIMEOUT_ETIME_SUCCESS, 1 << 5);
IS(IORING_ASYNC_CANCEL_ALL, 1 << 0);
IS(IORING_ASYNC_CANCEL_FD, 1 << 1);
IS(IORING_ASYNC_CANCEL_ANY, 1 << 2);
IS(IORING_ASYNC_CANCEL_FD_FIXED, 1 << 3);
#endif
#ifdef IORING_SEND_ZC_REPORT_USAGE
IS(IORING_SEND_ZC_REPORT_USAGE, 1 << 3);
IS(IORING_NOTIF_USAGE_ZC_COPIED, 1U << 31);
#endif

/* The memory of an AF_XDP socket. */
AT(xdp_umem_reg, addr, 0);
AT(xdp_umem_reg, len, 8);
AT(xdp_umem_reg, chunk_size, 16);
_Static_assert(sizeof(struct xdp_umem_reg) == 32, "xdp_umem_reg");

/* One direction's key of kernel TLS. */
AT(tls12_crypto_info_aes_gcm_128, info.version, 0);
AT(tls12_crypto_info_aes_gcm_128, info.cipher_type, 2);
AT(tls12_crypto_info_aes_gcm_128, iv, 4);
AT(tls12_crypto_info_aes_gcm_128, key, 12);
AT(tls12_crypto_info_aes_gcm_128, salt, 28);
AT(tls12_crypto_info_aes_gcm_128, rec_seq, 32);
_Static_assert(sizeof(struct tls12_crypto_info_aes_gcm_128) == 40, "tls12_crypto_info_aes_gcm_128");
