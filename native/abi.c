/*
 * Asserts every structure whose fields TypeScript reads or writes by offset: a kernel header that disagrees stops
 * the build. The offsets are part of Linux's ABI and the same on every 64-bit machine.
 */
#include <linux/if_xdp.h>
#include <linux/io_uring.h>
#include <linux/tls.h>
#include <stddef.h>

#define AT(type, field, offset) _Static_assert(offsetof(struct type, field) == (offset), #type "." #field)

/* The params of io_uring_setup(2), with where the rings' parts are. */
AT(io_uring_params, sq_entries, 0);
AT(io_uring_params, cq_entries, 4);
AT(io_uring_params, flags, 8);
AT(io_uring_params, features, 20);
AT(io_uring_params, sq_off, 40);
AT(io_uring_params, cq_off, 80);
_Static_assert(sizeof(struct io_uring_params) == 120, "io_uring_params");
AT(io_sqring_offsets, head, 0);
AT(io_sqring_offsets, tail, 4);
AT(io_sqring_offsets, ring_mask, 8);
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
AT(io_uring_sqe, addr, 16);
AT(io_uring_sqe, len, 24);
AT(io_uring_sqe, user_data, 32);
_Static_assert(sizeof(struct io_uring_sqe) == 64, "io_uring_sqe");
AT(io_uring_cqe, user_data, 0);
AT(io_uring_cqe, res, 8);
AT(io_uring_cqe, flags, 12);

/* The answer of IORING_REGISTER_PROBE. */
AT(io_uring_probe, last_op, 0);
AT(io_uring_probe, ops, 16);
AT(io_uring_probe_op, flags, 2);
_Static_assert(sizeof(struct io_uring_probe_op) == 8, "io_uring_probe_op");

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
