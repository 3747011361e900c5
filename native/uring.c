/*
 * Rings of submissions and completions: io_uring_setup(2), io_uring_enter(2), io_uring_register(2). The rings'
 * memory is mapped by mapShared and driven from JavaScript; the structures in it are io_uring(7)'s.
 */
#include "sluice.h"
#include <linux/io_uring.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.0; the structure's first fields are those below. */
#define REGISTER_SYNC_CANCEL 24
#define ASYNC_CANCEL_ALL (1U << 0)
#define ASYNC_CANCEL_ANY (1U << 2)
/* Linux 5.11. */
#define ENTER_EXT_ARG (1U << 3)

struct cancel_request {
  uint64_t user_data;
  int32_t fd;
  uint32_t flags;
  int64_t seconds;
  int64_t nanoseconds;
  uint64_t reserved[4];
};
struct enter_argument {
  uint64_t signals;
  uint32_t signals_bytes;
  uint32_t reserved;
  uint64_t timeout;
};
struct enter_timeout {
  int64_t seconds;
  int64_t nanoseconds;
};

/* ioUringSetup(entries, params) → a ring's descriptor. Reads and fills a struct io_uring_params. Linux 5.1. */
static napi_value uring_setup(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  uint32_t entries = arg_uint(&args, 0);
  sluice_bytes params = arg_bytes(&args, 1);
  if (args.bad || params.length < sizeof(struct io_uring_params)) return bad_arguments(env);
  return result(env, syscall(SYS_io_uring_setup, entries, params.data));
}

/* ioUringEnter(ring, submit, complete, flags) → submissions taken. Waits for `complete` completions: 0 never waits. */
static napi_value uring_enter(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int ring = arg_int(&args, 0);
  uint32_t submit = arg_uint(&args, 1);
  uint32_t complete = arg_uint(&args, 2);
  uint32_t flags = arg_uint(&args, 3);
  if (args.bad) return bad_arguments(env);
  return result(env, syscall(SYS_io_uring_enter, ring, submit, complete, flags, NULL, 0));
}

/*
 * ioUringEnterFor(ring, submit, complete, flags, milliseconds) → submissions taken, or -ETIME: the same, waiting no
 * longer than that. The thread does nothing else meanwhile, so the time is bounded. Linux 5.11.
 */
static napi_value uring_enter_for(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int ring = arg_int(&args, 0);
  uint32_t submit = arg_uint(&args, 1);
  uint32_t complete = arg_uint(&args, 2);
  uint32_t flags = arg_uint(&args, 3);
  uint32_t milliseconds = arg_uint(&args, 4);
  if (args.bad) return bad_arguments(env);
  struct enter_timeout timeout = {milliseconds / 1000, (int64_t)(milliseconds % 1000) * 1000000};
  struct enter_argument argument = {.timeout = (uintptr_t)&timeout};
  return result(env, syscall(SYS_io_uring_enter, ring, submit, complete, flags | ENTER_EXT_ARG, &argument,
                             sizeof argument));
}

/* ioUringRegister(ring, opcode, argument, count) → the opcode's result. What `argument` holds is the opcode's. */
static napi_value uring_register(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int ring = arg_int(&args, 0);
  uint32_t opcode = arg_uint(&args, 1);
  sluice_bytes argument = arg_bytes(&args, 2);
  uint32_t count = arg_uint(&args, 3);
  if (args.bad) return bad_arguments(env);
  return result(env, syscall(SYS_io_uring_register, ring, opcode, argument.data, count));
}

/* How long the end of an environment waits for what cannot be cancelled: less than forever, should a disk not answer. */
#define CLEANUP_MS 5000

/* Stops the kernel from writing to this process's memory through the ring, waiting for what runs already. Linux 6.0. */
static long cancel_everything(int ring, uint32_t milliseconds) {
  struct cancel_request request = {
      .fd = -1,
      .flags = ASYNC_CANCEL_ALL | ASYNC_CANCEL_ANY,
      .seconds = milliseconds / 1000,
      .nanoseconds = (int64_t)(milliseconds % 1000) * 1000000,
  };
  return syscall(SYS_io_uring_register, ring, REGISTER_SYNC_CANCEL, &request, 1);
}

/*
 * ioUringCancelAll(ring, milliseconds) → 0, also where there was nothing; -ETIME where something runs that could not be
 * cancelled in that time. A cancelled submission completes with -ECANCELED. It needs no place in the ring, and does
 * not wait behind a drain as a submission would.
 */
static napi_value uring_cancel_all(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int ring = arg_int(&args, 0);
  uint32_t milliseconds = arg_uint(&args, 1);
  if (args.bad) return bad_arguments(env);
  long cancelled = cancel_everything(ring, milliseconds);
  if (cancelled == -1 && errno == ENOENT) cancelled = 0;
  return result(env, cancelled < 0 ? -1 : 0);
}

/* A ring that must not outlive the memory which its submissions name. `fd` is -1 once it is closed. */
typedef struct {
  napi_env env;
  int fd;
} owned_ring;

/* The environment ends, before the memory of its ArrayBuffers goes. */
static void owned_ring_cleanup(void *data) {
  owned_ring *self = data;
  cancel_everything(self->fd, CLEANUP_MS);
  close(self->fd);
  self->fd = -1;
}

static void owned_ring_finalize(napi_env env, void *data, void *hint) {
  owned_ring *self = data;
  if (self->fd != -1) {
    napi_remove_env_cleanup_hook(self->env, owned_ring_cleanup, self);
    owned_ring_cleanup(self);
  }
  free(self);
}

/*
 * ioUringOwn(ring) → a handle. Where the environment ends first, as a worker's does that is terminated, what is in
 * flight is cancelled and the ring closed while the memory is still there. Where no handle can be made the ring is
 * closed at once.
 */
static napi_value uring_own(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  napi_value handle;
  int fd = arg_int(&args, 0);
  if (args.bad) return bad_arguments(env);
  owned_ring *self = malloc(sizeof *self);
  if (self == NULL) goto fail;
  *self = (owned_ring){.env = env, .fd = fd};
  if (napi_add_env_cleanup_hook(env, owned_ring_cleanup, self) != napi_ok) goto fail;
  if (napi_create_external(env, self, owned_ring_finalize, NULL, &handle) != napi_ok) goto fail_hook;
  return handle;

fail_hook:
  napi_remove_env_cleanup_hook(env, owned_ring_cleanup, self);
fail:
  free(self);
  close(fd);
  return number(env, -ENOMEM);
}

/* ioUringClose(handle) → 0, once; -EBADF after that. Nothing may be in flight that names memory of this process. */
static napi_value uring_close(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  void *data;
  if (args.bad || napi_get_value_external(env, args.values[0], &data) != napi_ok) return bad_arguments(env);
  owned_ring *self = data;
  if (self->fd == -1) return number(env, -EBADF);
  napi_remove_env_cleanup_hook(env, owned_ring_cleanup, self);
  int fd = self->fd;
  self->fd = -1;
  return result(env, close(fd));
}

/*
 * addressOf(bytes) → where they are, for the address fields of a submission or of a memory to be registered. A
 * user's address is below 2^53 unless a mapping asked for more. Whoever stores it keeps the bytes alive.
 */
static napi_value uring_address_of(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  sluice_bytes bytes = arg_bytes(&args, 0);
  if (args.bad) return bad_arguments(env);
  return number(env, (double)(uintptr_t)bytes.data);
}

void define_uring(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"ioUringSetup", uring_setup},
      {"ioUringEnter", uring_enter},
      {"ioUringEnterFor", uring_enter_for},
      {"ioUringRegister", uring_register},
      {"ioUringCancelAll", uring_cancel_all},
      {"ioUringOwn", uring_own},
      {"ioUringClose", uring_close},
      {"addressOf", uring_address_of},
  };
  /* Numbers of Linux 5.11 and later are written out, so that older headers suffice. */
  static const sluice_constant constants[] = {
      {"IORING_OFF_SQ_RING", IORING_OFF_SQ_RING},
      {"IORING_OFF_CQ_RING", IORING_OFF_CQ_RING},
      {"IORING_OFF_SQES", IORING_OFF_SQES},
      {"IORING_SETUP_CQE32", 1 << 11},         /* 5.19 */
      {"IORING_SETUP_SINGLE_ISSUER", 1 << 12}, /* 6.0 */
      {"IORING_SETUP_DEFER_TASKRUN", 1 << 13}, /* 6.1 */
      {"IORING_REGISTER_ZCRX_IFQ", 32}, /* 6.15 */
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
