/*
 * Rings of submissions and completions: io_uring_setup(2), io_uring_enter(2), io_uring_register(2). The rings'
 * memory is mapped by mapShared and driven from JavaScript; the structures in it are io_uring(7)'s.
 */
#include "sluice.h"
#include <linux/io_uring.h>
#include <sys/syscall.h>
#include <unistd.h>

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
      {"ioUringRegister", uring_register},
      {"addressOf", uring_address_of},
  };
  /* Numbers of Linux 5.11 and later are written out, so that older headers suffice. */
  static const sluice_constant constants[] = {
      {"IORING_OFF_SQ_RING", IORING_OFF_SQ_RING},
      {"IORING_OFF_CQ_RING", IORING_OFF_CQ_RING},
      {"IORING_OFF_SQES", IORING_OFF_SQES},
      {"IORING_FEAT_SINGLE_MMAP", IORING_FEAT_SINGLE_MMAP},
      {"IORING_SETUP_CQE32", 1 << 11},         /* 5.19 */
      {"IORING_SETUP_SINGLE_ISSUER", 1 << 12}, /* 6.0 */
      {"IORING_SETUP_DEFER_TASKRUN", 1 << 13}, /* 6.1 */
      {"IORING_REGISTER_PROBE", IORING_REGISTER_PROBE},
      {"IORING_REGISTER_ZCRX_IFQ", 32}, /* 6.15 */
      {"IORING_OP_NOP", IORING_OP_NOP},
      {"IORING_OP_SEND_ZC", 47}, /* 6.0 */
      {"IORING_CQE_F_MORE", 1 << 1},
      {"IORING_SEND_ZC_REPORT_USAGE", 1 << 3},    /* 6.2 */
      {"IORING_NOTIF_USAGE_ZC_COPIED", 1U << 31}, /* 6.2 */
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
