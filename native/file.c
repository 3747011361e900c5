/* Opening, looking at and closing files: openat2(2), fstat(2), cachestat(2), preadv2(2), lseek(2); and pipes: pipe2(2). */
#include "sluice.h"
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Linux 6.5; Debian 12's headers are older. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
struct cachestat_range {
  uint64_t off;
  uint64_t len;
};
struct cachestat {
  uint64_t nr_cache;
  uint64_t nr_dirty;
  uint64_t nr_writeback;
  uint64_t nr_evicted;
  uint64_t nr_recently_evicted;
};

/* openat2(directory, path, flags, resolve) → fd. openat2(2), Linux 5.6; RESOLVE_CACHED 5.12. */
static napi_value file_openat2(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  char path[PATH_MAX];
  int directory = arg_int(&args, 0);
  arg_path(&args, 1, path);
  struct open_how how = {.flags = arg_uint(&args, 2), .resolve = arg_uint(&args, 3)};
  if (args.bad) return bad_arguments(env);
  return result(env, syscall(SYS_openat2, directory, path, &how, sizeof how));
}

/* open(path, flags) → fd. */
static napi_value file_open(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  char path[PATH_MAX];
  arg_path(&args, 0, path);
  int flags = arg_int(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, open(path, flags));
}

static napi_value file_close(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  if (args.bad) return bad_arguments(env);
  return result(env, close(fd));
}

/* dup(fd) → a second descriptor of the same open file, closed on exec. */
static napi_value file_dup(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  if (args.bad) return bad_arguments(env);
  return result(env, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/* setNonBlocking(fd, on) → 1 where the flag had another value before, else 0. */
static napi_value file_set_non_blocking(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  bool on = arg_int(&args, 1) != 0;
  if (args.bad) return bad_arguments(env);
  int flags = fcntl(fd, F_GETFL);
  if (flags == -1) return result(env, -1);
  if (((flags & O_NONBLOCK) != 0) == on) return number(env, 0);
  if (fcntl(fd, F_SETFL, flags ^ O_NONBLOCK) == -1) return result(env, -1);
  return number(env, 1);
}

/*
 * fstat(fd, out: Float64Array(8)) → 0. Fills mode, size, mtime in seconds, mtime's nanoseconds, inode,
 * device, ctime in seconds, ctime's nanoseconds: whole numbers below 2^53 in practice.
 */
static napi_value file_fstat(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes out = arg_bytes(&args, 1);
  struct stat st;
  if (args.bad || out.length < 8 * sizeof(double)) return bad_arguments(env);
  if (fstat(fd, &st) == -1) return result(env, -1);
  double fields[8] = {st.st_mode, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
                      st.st_ino,  st.st_dev,  st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
  memcpy(out.data, fields, sizeof fields);
  return number(env, 0);
}

/* cachestat(fd, offset, length) → pages of the range that are in the page cache. cachestat(2), Linux 6.5. */
static napi_value file_cachestat(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  struct cachestat_range range = {.off = arg_offset(&args, 1), .len = arg_offset(&args, 2)};
  struct cachestat stat = {0};
  if (args.bad) return bad_arguments(env);
  if (syscall(SYS_cachestat, fd, &range, &stat, 0) == -1) return result(env, -1);
  return number(env, stat.nr_cache);
}

/* preadNoWait(fd, bytes, offset) → bytes read, -EAGAIN where they are not in memory. preadv2(2), RWF_NOWAIT, Linux 4.14. */
static napi_value file_pread_no_wait(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes bytes = arg_bytes(&args, 1);
  int64_t offset = arg_offset(&args, 2);
  if (args.bad) return bad_arguments(env);
  struct iovec iov = {.iov_base = bytes.data, .iov_len = bytes.length};
  return result(env, preadv2(fd, &iov, 1, offset, RWF_NOWAIT));
}

/* pipe2(out: Int32Array(2), flags) → 0. Fills the end that is read, then the end that is written. */
static napi_value file_pipe2(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  sluice_bytes out = arg_bytes(&args, 0);
  int flags = arg_int(&args, 1);
  if (args.bad || out.length < 2 * sizeof(int)) return bad_arguments(env);
  return result(env, pipe2((int *)out.data, flags));
}

/* fcntl(fd, command, value) → what the command returns. For commands that take an int, such as a pipe's size. */
static napi_value file_fcntl(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int command = arg_int(&args, 1);
  int value = arg_int(&args, 2);
  if (args.bad) return bad_arguments(env);
  return result(env, fcntl(fd, command, value));
}

/* lseek(fd, offset, whence) → the new position. */
static napi_value file_lseek(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  off_t offset = arg_offset(&args, 1);
  int whence = arg_int(&args, 2);
  if (args.bad) return bad_arguments(env);
  return result(env, lseek(fd, offset, whence));
}

void define_file(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"openat2", file_openat2},
      {"open", file_open},
      {"close", file_close},
      {"dup", file_dup},
      {"setNonBlocking", file_set_non_blocking},
      {"fstat", file_fstat},
      {"cachestat", file_cachestat},
      {"preadNoWait", file_pread_no_wait},
      {"pipe2", file_pipe2},
      {"fcntl", file_fcntl},
      {"lseek", file_lseek},
  };
  static const sluice_constant constants[] = {
      {"O_RDONLY", O_RDONLY},
      {"O_WRONLY", O_WRONLY},
      {"O_APPEND", O_APPEND},
      {"O_PATH", O_PATH},
      {"O_CLOEXEC", O_CLOEXEC},
      {"O_NONBLOCK", O_NONBLOCK},
      {"O_NOCTTY", O_NOCTTY},
      {"O_DIRECTORY", O_DIRECTORY},
      {"RESOLVE_BENEATH", RESOLVE_BENEATH},
      {"RESOLVE_NO_MAGICLINKS", RESOLVE_NO_MAGICLINKS},
      {"RESOLVE_CACHED", RESOLVE_CACHED},
      {"F_GETFL", F_GETFL},
      {"F_GETPIPE_SZ", F_GETPIPE_SZ},
      {"F_SETPIPE_SZ", F_SETPIPE_SZ},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
