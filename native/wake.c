/*
 * Waking JavaScript: an epoll descriptor or a ring that Node's loop watches. One watch serves any number of
 * sockets, and none of them needs a second descriptor: libuv allows one watcher per descriptor and loop, but a
 * socket may be in two epoll sets.
 */
#include "libuv.h"
#include "sluice.h"
#include <stdlib.h>
#include <unistd.h>

/* `*handle` is the waker, as JavaScript's handle sees it: NULL once the watch ended. NULL itself once that is gone. */
typedef struct waker {
  sluice_callback callback;
  napi_async_cleanup_hook_handle cleanup;
  uv_handle_t *poll;
  int fd;
  bool closing;
  struct waker **handle;
} waker;

static void waker_ready(uv_handle_t *handle, int status, int events) {
  waker *self = uv_handle_get_data(handle);
  callback_call(&self->callback);
}

static void waker_closed(uv_handle_t *handle) {
  waker *self = uv_handle_get_data(handle);
  close(self->fd);
  napi_remove_async_cleanup_hook(self->cleanup);
  free(self->poll);
  free(self);
}

/* Runs when the watch is closed, or when the environment ends: a worker's, or the process's. */
static void waker_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  waker *self = data;
  if (self->closing) return;
  self->closing = true;
  if (self->handle != NULL) *self->handle = NULL;
  callback_close(&self->callback);
  uv_close(self->poll, waker_closed);
}

/* The handle was collected; the watch goes on. */
static void handle_finalize(napi_env env, void *data, void *hint) {
  waker **handle = data;
  if (*handle != NULL) (*handle)->handle = NULL;
  free(handle);
}

/*
 * wakeOpen(fd, callback) → a handle; whenever the descriptor, an epoll set or a ring, is readable, Node's loop calls
 * back. The descriptor is closed with the watch: by wakeClose, or when the environment ends.
 */
static napi_value wake_open(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  uv_loop_t *loop;
  napi_value handle;
  int error = -ENOMEM;
  int fd = arg_int(&args, 0);
  if (args.bad) return bad_arguments(env);
  waker *self = calloc(1, sizeof *self);
  if (self == NULL) return number(env, error);
  self->fd = fd;
  self->poll = calloc(1, uv_handle_size(UV_POLL));
  self->handle = calloc(1, sizeof *self->handle);
  if (self->poll == NULL || self->handle == NULL) goto fail_memory;
  if (napi_create_external(env, self->handle, handle_finalize, NULL, &handle) != napi_ok) goto fail_memory;
  if (!callback_open(env, args.values[1], &self->callback)) goto fail;
  if (napi_add_async_cleanup_hook(env, waker_cleanup, self, &self->cleanup) != napi_ok) goto fail_callback;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) goto fail_hook;
  error = uv_poll_init(loop, self->poll, fd);
  if (error != 0) goto fail_hook;
  uv_handle_set_data(self->poll, self);
  uv_poll_start(self->poll, UV_READABLE, waker_ready);
  uv_unref(self->poll);
  *self->handle = self;
  return handle;

fail_hook:
  napi_remove_async_cleanup_hook(self->cleanup);
fail_callback:
  callback_close(&self->callback);
fail:
  /* The handle is there and frees its own memory, in which no watch was noted. */
  self->handle = NULL;
fail_memory:
  free(self->handle);
  free(self->poll);
  free(self);
  return number(env, error);
}

/* wakeKeepAlive(handle, on) → 0. Whether the watch alone keeps the loop running. -EBADF after wakeClose. */
static napi_value wake_keep_alive(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  void *data;
  if (napi_get_value_external(env, args.values[0], &data) != napi_ok) return bad_arguments(env);
  bool on = arg_int(&args, 1) != 0;
  if (args.bad) return bad_arguments(env);
  waker *self = *(waker **)data;
  if (self == NULL) return number(env, -EBADF);
  (on ? uv_ref : uv_unref)(self->poll);
  return number(env, 0);
}

/*
 * wakeClose(handle) → 0: no more calls back, and the descriptor is closed soon; -EBADF after that. Not from within
 * the callback, whose context goes with it.
 */
static napi_value wake_close(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  void *data;
  if (args.bad || napi_get_value_external(env, args.values[0], &data) != napi_ok) return bad_arguments(env);
  waker *self = *(waker **)data;
  if (self == NULL) return number(env, -EBADF);
  waker_cleanup(self->cleanup, self);
  return number(env, 0);
}

/*
 * loopDescriptor() → the epoll descriptor of this thread's loop: readable when the loop has something to do other than
 * timers. It is the loop's own, to be watched and nothing else.
 */
static napi_value wake_loop_descriptor(napi_env env, napi_callback_info info) {
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return number(env, -EINVAL);
  return number(env, uv_backend_fd(loop));
}

void define_wake(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"wakeOpen", wake_open},
      {"wakeKeepAlive", wake_keep_alive},
      {"wakeClose", wake_close},
      {"loopDescriptor", wake_loop_descriptor},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
}
