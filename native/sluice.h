/*
 * What every file of the addon shares.
 *
 * One function that JavaScript can call is one kernel operation. It checks its arguments, calls the
 * kernel once and returns a non-negative result, or -errno. It does not retry, choose, log or keep
 * state. Whoever calls it (src/native/) decides what an error means.
 */
#ifndef SLUICE_H
#define SLUICE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define NAPI_VERSION 8
#include <errno.h>
#include <limits.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ARGUMENTS_MAX 8

/* One entry of a family's table of functions. */
typedef struct {
  const char *name;
  napi_callback call;
} sluice_function;

/* A named number that TypeScript needs: a flag, an option, a size. */
typedef struct {
  const char *name;
  int64_t value;
} sluice_constant;

/*
 * The arguments of one call. Reading an argument of the wrong type sets `bad` and yields zero, so that a
 * function reads all of its arguments first and tests `bad` once.
 */
typedef struct {
  napi_env env;
  napi_value values[ARGUMENTS_MAX];
  bool bad;
} sluice_args;

typedef struct {
  uint8_t *data;
  size_t length;
} sluice_bytes;

sluice_args args_read(napi_env env, napi_callback_info info);
int32_t arg_int(sluice_args *args, int index);
uint32_t arg_uint(sluice_args *args, int index);
/* A whole number up to 2^53, as JavaScript holds file offsets. */
int64_t arg_offset(sluice_args *args, int index);
/* Any typed array or Buffer. The bytes stay valid until the call returns, not longer. */
sluice_bytes arg_bytes(sluice_args *args, int index);
/* An array of at most UIO_MAXIOV typed arrays → how many, their bytes in `iov`. */
uint32_t arg_views(sluice_args *args, int index, struct iovec *iov);
/* A file name: a string or bytes, without NUL, copied into `path` (PATH_MAX bytes). */
void arg_path(sluice_args *args, int index, char *path);

napi_value number(napi_env env, double value);
/* A system call's result: the value, or -errno where it is -1. */
napi_value result(napi_env env, long value);
/* Throws a TypeError: the arguments were not of the function's types, which is our own bug. */
napi_value bad_arguments(napi_env env);

/* Each family adds its functions and constants to the addon's exports. */
void define_functions(napi_env env, napi_value exports, const sluice_function *table, size_t count);
void define_constants(napi_env env, napi_value exports, const sluice_constant *table, size_t count);

/* A function of JavaScript's that Node's loop calls (callback.c). What it throws is uncaught, as in any callback. */
typedef struct {
  napi_env env;
  napi_ref function;
  napi_async_context context;
} sluice_callback;

bool callback_open(napi_env env, napi_value function, sluice_callback *callback);
void callback_call(const sluice_callback *callback);
void callback_close(const sluice_callback *callback);

/* An epoll set's events as JavaScript reads them, waited for so long (poll.c) → how many, or -1 with errno. */
int take_events(int epoll, sluice_bytes out, int milliseconds);

/*
 * Memory whose pages may be missing (fault.c). fault_guard → a number for the other two, or -errno; fault_unguard
 * comes before the memory is unmapped.
 */
int fault_guard(void *address, size_t length);
bool fault_tripped(int guard);
void fault_unguard(int guard);

void define_region(napi_env env, napi_value exports);
void define_file(napi_env env, napi_value exports);
void define_flow(napi_env env, napi_value exports);
void define_address(napi_env env, napi_value exports);
void define_socket(napi_env env, napi_value exports);
void define_poll(napi_env env, napi_value exports);
void define_offload(napi_env env, napi_value exports);
void define_wake(napi_env env, napi_value exports);
void define_idle(napi_env env, napi_value exports);
void define_uring(napi_env env, napi_value exports);

#endif
