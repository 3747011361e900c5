/*
 * Waiting in the place of Node's loop. A loop that has nothing to do sleeps in an epoll set of libuv's, in which a set
 * of ours is one item: every event then wakes two sets, and takes two calls and a turn of the loop. With an idler open
 * the loop never sleeps. It calls back in every turn instead, and the callback sleeps in our set, in which libuv's is
 * one item, or only looks there where the loop has something to do.
 *
 * libuv begins to watch descriptors in its own poll, which must therefore have come after all that could ask for it:
 * there is no sleeping in a turn in which the loop found an event.
 */
#include "libuv.h"
#include "sluice.h"
#include <dlfcn.h>
#include <stdlib.h>

/* The handles of libuv's, which end one after the other. */
enum { SLEEPLESS, BEFORE_POLL, AFTER_POLL, HANDLES };

/* `*handle` is the idler, as JavaScript's handle sees it: NULL once it was closed. NULL itself once that is gone. */
typedef struct idler {
  sluice_callback callback;
  napi_async_cleanup_hook_handle cleanup;
  uv_loop_t *loop;
  uv_metrics_info_function *metrics;
  uv_handle_t *handles[HANDLES];
  int open;
  /* The loop's events when its poll began. */
  uint64_t events;
  /* Whether this turn's poll found none. */
  bool quiet;
  /* Whether events were taken in this turn. */
  bool looked;
  bool closing;
  struct idler **handle;
} idler;

static void sleepless(uv_handle_t *handle) {}

static uint64_t events_of(const idler *self) {
  uv_metrics_t metrics = {0};
  self->metrics(self->loop, &metrics);
  return metrics.events;
}

/* How many milliseconds the loop might sleep if it were not kept from it: 0 where there is something to do, -1 for ever. */
static int may_sleep(const idler *self) {
  if (!self->quiet) return 0;
  uv_handle_t *handle = self->handles[SLEEPLESS];
  uv_idle_stop(handle);
  int milliseconds = uv_backend_timeout(self->loop);
  uv_idle_start(handle, sleepless);
  return milliseconds;
}

static void before_poll(uv_handle_t *handle) {
  idler *self = uv_handle_get_data(handle);
  self->events = events_of(self);
}

static void after_poll(uv_handle_t *handle) {
  idler *self = uv_handle_get_data(handle);
  self->quiet = events_of(self) == self->events;
  self->looked = false;
  callback_call(&self->callback);
}

static void idler_free(idler *self) {
  for (int i = 0; i < HANDLES; i++) free(self->handles[i]);
  free(self);
}

static void idler_closed(uv_handle_t *handle) {
  idler *self = uv_handle_get_data(handle);
  if (--self->open > 0) return;
  napi_remove_async_cleanup_hook(self->cleanup);
  idler_free(self);
}

/* Runs when the idler is closed, or when the environment ends: a worker's, or the process's. */
static void idler_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  idler *self = data;
  if (self->closing) return;
  self->closing = true;
  if (self->handle != NULL) *self->handle = NULL;
  callback_close(&self->callback);
  for (int i = 0; i < HANDLES; i++) uv_close(self->handles[i], idler_closed);
}

/* The handle was collected; the idler goes on. */
static void handle_finalize(napi_env env, void *data, void *hint) {
  idler **handle = data;
  if (*handle != NULL) (*handle)->handle = NULL;
  free(handle);
}

/* Initialising and starting these cannot fail. */
static void idler_begin(idler *self) {
  uv_idle_init(self->loop, self->handles[SLEEPLESS]);
  uv_prepare_init(self->loop, self->handles[BEFORE_POLL]);
  uv_check_init(self->loop, self->handles[AFTER_POLL]);
  for (self->open = 0; self->open < HANDLES; self->open++) {
    uv_handle_set_data(self->handles[self->open], self);
    uv_unref(self->handles[self->open]);
  }
  uv_idle_start(self->handles[SLEEPLESS], sleepless);
  uv_prepare_start(self->handles[BEFORE_POLL], before_poll);
  uv_check_start(self->handles[AFTER_POLL], after_poll);
}

static bool idler_allocate(idler *self) {
  static const int types[HANDLES] = {UV_IDLE, UV_PREPARE, UV_CHECK};
  for (int i = 0; i < HANDLES; i++)
    if ((self->handles[i] = calloc(1, uv_handle_size(types[i]))) == NULL) return false;
  return true;
}

/*
 * idleOpen(callback) → a handle; from now on Node's loop does not sleep, and calls back in every turn, until idleClose
 * or until the environment ends. -ENOSYS before libuv 1.45, Node 20.3.
 */
static napi_value idle_open(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  napi_value handle;
  uv_metrics_info_function *metrics = (uv_metrics_info_function *)dlsym(RTLD_DEFAULT, "uv_metrics_info");
  if (metrics == NULL) return number(env, -ENOSYS);
  idler *self = calloc(1, sizeof *self);
  if (self == NULL) return number(env, -ENOMEM);
  self->metrics = metrics;
  if (!idler_allocate(self) || napi_get_uv_event_loop(env, &self->loop) != napi_ok) goto fail;
  self->handle = calloc(1, sizeof *self->handle);
  if (self->handle == NULL) goto fail;
  if (napi_create_external(env, self->handle, handle_finalize, NULL, &handle) != napi_ok) goto fail_handle;
  /* From here on the handle is there and frees its own memory. */
  if (!callback_open(env, args.values[0], &self->callback)) goto fail;
  if (napi_add_async_cleanup_hook(env, idler_cleanup, self, &self->cleanup) != napi_ok) goto fail_callback;
  *self->handle = self;
  idler_begin(self);
  return handle;

fail_handle:
  free(self->handle);
  goto fail;
fail_callback:
  callback_close(&self->callback);
fail:
  idler_free(self);
  return number(env, -ENOMEM);
}

static idler *arg_idler(sluice_args *args, int index) {
  void *data = NULL;
  if (napi_get_value_external(args->env, args->values[index], &data) != napi_ok) args->bad = true;
  return data == NULL ? NULL : *(idler **)data;
}

/*
 * idleWait(handle, epoll, out) → events taken as epollWait takes them, after waiting for the first as long as the loop
 * may sleep: not at all where it has something to do. Then the first call of a turn takes what there is, and others
 * nothing. -EBADF after idleClose.
 */
static napi_value idle_wait(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  idler *self = arg_idler(&args, 0);
  int epoll = arg_int(&args, 1);
  sluice_bytes out = arg_bytes(&args, 2);
  if (args.bad) return bad_arguments(env);
  if (self == NULL) return number(env, -EBADF);
  int milliseconds = may_sleep(self);
  if (milliseconds == 0 && self->looked) return number(env, 0);
  self->looked = true;
  int count = take_events(epoll, out, milliseconds);
  int error = errno;
  /* What sets a timer next must not begin before the sleep. */
  uv_update_time(self->loop);
  return number(env, count == -1 ? -error : count);
}

/* idleKeepAlive(handle, on) → 0. Whether the idler alone keeps the loop running. -EBADF after idleClose. */
static napi_value idle_keep_alive(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  idler *self = arg_idler(&args, 0);
  bool on = arg_int(&args, 1) != 0;
  if (args.bad) return bad_arguments(env);
  if (self == NULL) return number(env, -EBADF);
  (on ? uv_ref : uv_unref)(self->handles[AFTER_POLL]);
  return number(env, 0);
}

/* idleClose(handle) → 0: the loop sleeps again; -EBADF after that. Not from within the callback. */
static napi_value idle_close(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  idler *self = arg_idler(&args, 0);
  if (args.bad) return bad_arguments(env);
  if (self == NULL) return number(env, -EBADF);
  idler_cleanup(self->cleanup, self);
  return number(env, 0);
}

void define_idle(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"idleOpen", idle_open},
      {"idleWait", idle_wait},
      {"idleKeepAlive", idle_keep_alive},
      {"idleClose", idle_close},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
}
