/*
 * Moving bytes between descriptors inside the kernel: sendfile(2), splice(2), tee(2), vmsplice(2),
 * copy_file_range(2), the FICLONE ioctl; gathering them from memory: writev(2); and reading them into it: read(2).
 */
#include "sluice.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

/* sendfile(out, in, offset, count) → bytes moved; the offset of `in` itself does not change. */
static napi_value flow_sendfile(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int out = arg_int(&args, 0);
  int in = arg_int(&args, 1);
  off_t offset = arg_offset(&args, 2);
  size_t count = arg_offset(&args, 3);
  if (args.bad) return bad_arguments(env);
  return result(env, sendfile(out, in, &offset, count));
}

/* An offset that may be null, for an end that has none: a pipe, a socket, or a file at its own position. */
static loff_t *arg_offset_or_null(sluice_args *args, int index, loff_t *offset) {
  napi_valuetype type;
  if (napi_typeof(args->env, args->values[index], &type) == napi_ok && type == napi_null) return NULL;
  *offset = arg_offset(args, index);
  return offset;
}

/*
 * splice(in, inOffset, out, outOffset, count, flags) → bytes moved. One end is a pipe; an offset is null for an
 * end that has none. With SPLICE_F_NONBLOCK -EAGAIN means either end: the call does not say which.
 */
static napi_value flow_splice(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  loff_t in_offset, out_offset;
  int in = arg_int(&args, 0);
  loff_t *in_at = arg_offset_or_null(&args, 1, &in_offset);
  int out = arg_int(&args, 2);
  loff_t *out_at = arg_offset_or_null(&args, 3, &out_offset);
  size_t count = arg_offset(&args, 4);
  uint32_t flags = arg_uint(&args, 5);
  if (args.bad) return bad_arguments(env);
  return result(env, splice(in, in_at, out, out_at, count, flags));
}

/* tee(in, out, count, flags) → bytes that the pipe `out` now refers to as well; `in` keeps them. */
static napi_value flow_tee(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int in = arg_int(&args, 0);
  int out = arg_int(&args, 1);
  size_t count = arg_offset(&args, 2);
  uint32_t flags = arg_uint(&args, 3);
  if (args.bad) return bad_arguments(env);
  return result(env, tee(in, out, count, flags));
}

/*
 * vmsplice(pipe, bytes, flags) → bytes that the pipe now refers to. The pages must neither be changed nor given
 * back to the allocator before the last reader has them, and nothing tells when that is: behind a socket whose peer is
 * on the same machine they are in the peer's own queue.
 */
static napi_value flow_vmsplice(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int pipe = arg_int(&args, 0);
  sluice_bytes bytes = arg_bytes(&args, 1);
  uint32_t flags = arg_uint(&args, 2);
  if (args.bad) return bad_arguments(env);
  struct iovec iov = {.iov_base = bytes.data, .iov_len = bytes.length};
  return result(env, vmsplice(pipe, &iov, 1, flags));
}

/* copyFileRange(in, inOffset, out, outOffset, count) → bytes copied or shared; 0 at the end of `in`. */
static napi_value flow_copy_file_range(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int in = arg_int(&args, 0);
  loff_t in_offset = arg_offset(&args, 1);
  int out = arg_int(&args, 2);
  loff_t out_offset = arg_offset(&args, 3);
  size_t count = arg_offset(&args, 4);
  if (args.bad) return bad_arguments(env);
  return result(env, copy_file_range(in, &in_offset, out, &out_offset, count, 0));
}

/* ficlone(target, source) → 0: both files share their extents until one is written. ioctl_ficlone(2). */
static napi_value flow_ficlone(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int target = arg_int(&args, 0);
  int source = arg_int(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, ioctl(target, FICLONE, source));
}

/* writev(fd, buffers) → bytes written: an array of at most UIO_MAXIOV typed arrays, in order. */
static napi_value flow_writev(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  struct iovec iov[UIO_MAXIOV];
  int fd = arg_int(&args, 0);
  uint32_t count = arg_views(&args, 1, iov);
  if (args.bad) return bad_arguments(env);
  return result(env, writev(fd, iov, count));
}

/* read(fd, bytes) → bytes read from where the open file stands, 0 at the end: for pipes and terminals. */
static napi_value flow_read(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes bytes = arg_bytes(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, read(fd, bytes.data, bytes.length));
}

void define_flow(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"sendfile", flow_sendfile},
      {"splice", flow_splice},
      {"tee", flow_tee},
      {"vmsplice", flow_vmsplice},
      {"copyFileRange", flow_copy_file_range},
      {"ficlone", flow_ficlone},
      {"writev", flow_writev},
      {"read", flow_read},
  };
  static const sluice_constant constants[] = {
      {"SPLICE_F_NONBLOCK", SPLICE_F_NONBLOCK},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
