/*
 * The same kernel operations on a thread of Node's pool, for those that can wait for a disk. Each returns a
 * promise of the result that the direct call returns. Descriptors must stay open until it settles.
 */
#include "sluice.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct offload offload;
struct offload {
  napi_async_work work;
  napi_deferred deferred;
  long (*operation)(offload *);
  long value;
  int fd;
  int in;
  off_t offset;
  off_t out_offset;
  size_t count;
  size_t piece;
  int whence;
  const uint8_t *bytes;
  struct open_how how;
  char path[];
};

static void offload_execute(napi_env env, void *data) {
  offload *job = data;
  long value = job->operation(job);
  job->value = value == -1 ? -errno : value;
}

static void offload_complete(napi_env env, napi_status status, void *data) {
  offload *job = data;
  long value = status == napi_cancelled ? -ECANCELED : job->value;
  napi_resolve_deferred(env, job->deferred, number(env, value));
  napi_delete_async_work(env, job->work);
  free(job);
}

/* Queues the job, which belongs to the thread pool from then on. */
static napi_value offload_start(napi_env env, offload *job) {
  napi_value promise = NULL, name;
  if (job == NULL) {
    napi_throw_error(env, "ENOMEM", "no memory for a job of the thread pool");
    return NULL;
  }
  if (napi_create_string_utf8(env, "sluice", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_promise(env, &job->deferred, &promise) != napi_ok)
    goto fail;
  if (napi_create_async_work(env, NULL, name, offload_execute, offload_complete, job, &job->work) != napi_ok) goto fail;
  if (napi_queue_async_work(env, job->work) != napi_ok) {
    napi_delete_async_work(env, job->work);
    goto fail;
  }
  return promise;
fail:
  free(job);
  napi_throw_error(env, "EAGAIN", "the thread pool took no job");
  return NULL;
}

static long run_sendfile(offload *job) {
  return sendfile(job->fd, job->in, &job->offset, job->count);
}

/* sendfileOffload(out, in, offset, count) → promise of sendfile's result. */
static napi_value offload_sendfile(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  offload *job = calloc(1, sizeof *job);
  if (job != NULL) {
    job->operation = run_sendfile;
    job->fd = arg_int(&args, 0);
    job->in = arg_int(&args, 1);
    job->offset = arg_offset(&args, 2);
    job->count = arg_offset(&args, 3);
    if (args.bad) {
      free(job);
      return bad_arguments(env);
    }
  }
  return offload_start(env, job);
}

/* What a later piece fails with is left to the next call, which meets it again. */
static long run_splice(offload *job) {
  size_t moved = 0;
  while (moved < job->count) {
    size_t left = job->count - moved;
    ssize_t bytes = splice(job->in, NULL, job->fd, &job->out_offset, left < job->piece ? left : job->piece, 0);
    if (bytes <= 0) return moved > 0 ? (long)moved : bytes;
    moved += bytes;
  }
  return moved;
}

/*
 * spliceOffload(pipe, file, offset, count, pieceBytes) → promise of the bytes that went from the pipe into the file, which
 * are fewer than `count` only where the pipe had no more or the file took no more. splice(2), for each piece. The pipe must
 * hold `count` bytes, or the call waits for them.
 */
static napi_value offload_splice(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  offload *job = calloc(1, sizeof *job);
  if (job != NULL) {
    job->operation = run_splice;
    job->in = arg_int(&args, 0);
    job->fd = arg_int(&args, 1);
    job->out_offset = arg_offset(&args, 2);
    job->count = arg_offset(&args, 3);
    job->piece = arg_offset(&args, 4);
    if (args.bad || job->piece == 0) {
      free(job);
      return bad_arguments(env);
    }
  }
  return offload_start(env, job);
}

static long run_copy_file_range(offload *job) {
  return copy_file_range(job->in, &job->offset, job->fd, &job->out_offset, job->count, 0);
}

static long run_ficlone_range(offload *job) {
  struct file_clone_range range = {
      .src_fd = job->in, .src_offset = job->offset, .src_length = job->count, .dest_offset = job->out_offset};
  return ioctl(job->fd, FICLONERANGE, &range);
}

/* The arguments (in, inOffset, out, outOffset, count), for what moves a range of one file into another. */
static napi_value offload_range(napi_env env, napi_callback_info info, long (*operation)(offload *)) {
  sluice_args args = args_read(env, info);
  offload *job = calloc(1, sizeof *job);
  if (job != NULL) {
    job->operation = operation;
    job->in = arg_int(&args, 0);
    job->offset = arg_offset(&args, 1);
    job->fd = arg_int(&args, 2);
    job->out_offset = arg_offset(&args, 3);
    job->count = arg_offset(&args, 4);
    if (args.bad) {
      free(job);
      return bad_arguments(env);
    }
  }
  return offload_start(env, job);
}

/* copyFileRangeOffload(in, inOffset, out, outOffset, count) → promise of copy_file_range's result. */
static napi_value offload_copy_file_range(napi_env env, napi_callback_info info) {
  return offload_range(env, info, run_copy_file_range);
}

/*
 * ficloneRangeOffload(in, inOffset, out, outOffset, count) → promise of 0: the files share the range's extents
 * until one is written. A count of 0 means up to the end. ioctl_ficlonerange(2).
 */
static napi_value offload_ficlone_range(napi_env env, napi_callback_info info) {
  return offload_range(env, info, run_ficlone_range);
}

static long run_lseek(offload *job) {
  return lseek(job->fd, job->offset, job->whence);
}

/* lseekOffload(fd, offset, whence) → promise of the new position. Looking for data or holes may read the disk. */
static napi_value offload_lseek(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  offload *job = calloc(1, sizeof *job);
  if (job != NULL) {
    job->operation = run_lseek;
    job->fd = arg_int(&args, 0);
    job->offset = arg_offset(&args, 1);
    job->whence = arg_int(&args, 2);
    if (args.bad) {
      free(job);
      return bad_arguments(env);
    }
  }
  return offload_start(env, job);
}

static long run_close(offload *job) {
  return close(job->fd);
}

/* closeOffload(fd) → promise of 0. The last close of a file that was unlinked frees its blocks. */
static napi_value offload_close(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  offload *job = calloc(1, sizeof *job);
  if (job != NULL) {
    job->operation = run_close;
    job->fd = arg_int(&args, 0);
    if (args.bad) {
      free(job);
      return bad_arguments(env);
    }
  }
  return offload_start(env, job);
}

static long run_pwrite(offload *job) {
  return job->offset < 0 ? write(job->fd, job->bytes, job->count) : pwrite(job->fd, job->bytes, job->count, job->offset);
}

/*
 * pwriteOffload(fd, bytes, offset) → promise of pwrite's result; an offset of null writes where the open file stands,
 * or at its end where it appends. The bytes must stay where they are until it settles.
 */
static napi_value offload_pwrite(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  offload *job = calloc(1, sizeof *job);
  if (job != NULL) {
    napi_valuetype type;
    sluice_bytes bytes = arg_bytes(&args, 1);
    job->operation = run_pwrite;
    job->fd = arg_int(&args, 0);
    job->bytes = bytes.data;
    job->count = bytes.length;
    bool nowhere = napi_typeof(env, args.values[2], &type) == napi_ok && type == napi_null;
    job->offset = nowhere ? -1 : arg_offset(&args, 2);
    if (args.bad) {
      free(job);
      return bad_arguments(env);
    }
  }
  return offload_start(env, job);
}

static long run_openat2(offload *job) {
  return syscall(SYS_openat2, job->fd, job->path, &job->how, sizeof job->how);
}

/* openat2Offload(directory, path, flags, resolve) → promise of openat2's result. */
static napi_value offload_openat2(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  offload *job = calloc(1, sizeof *job + PATH_MAX);
  if (job != NULL) {
    job->operation = run_openat2;
    job->fd = arg_int(&args, 0);
    arg_path(&args, 1, job->path);
    job->how.flags = arg_uint(&args, 2);
    job->how.resolve = arg_uint(&args, 3);
    if (args.bad) {
      free(job);
      return bad_arguments(env);
    }
  }
  return offload_start(env, job);
}

static long run_open(offload *job) {
  return open(job->path, (int)job->how.flags);
}

/* openOffload(path, flags) → promise of open's result. */
static napi_value offload_open(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  offload *job = calloc(1, sizeof *job + PATH_MAX);
  if (job != NULL) {
    job->operation = run_open;
    arg_path(&args, 0, job->path);
    job->how.flags = arg_uint(&args, 1);
    if (args.bad) {
      free(job);
      return bad_arguments(env);
    }
  }
  return offload_start(env, job);
}

void define_offload(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"sendfileOffload", offload_sendfile},
      {"spliceOffload", offload_splice},
      {"copyFileRangeOffload", offload_copy_file_range},
      {"ficloneRangeOffload", offload_ficlone_range},
      {"lseekOffload", offload_lseek},
      {"closeOffload", offload_close},
      {"pwriteOffload", offload_pwrite},
      {"openat2Offload", offload_openat2},
      {"openOffload", offload_open},
  };
  static const sluice_constant constants[] = {
      {"SEEK_SET", SEEK_SET},
      {"SEEK_DATA", SEEK_DATA},
      {"SEEK_HOLE", SEEK_HOLE},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
