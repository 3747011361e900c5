/*
 * libuv's few names that the addon uses, declared here, not included: they are part of its stable ABI, which Node
 * exports, and Node-API's headers come without it. A handle's size is asked for at run time.
 */
#ifndef SLUICE_LIBUV_H
#define SLUICE_LIBUV_H

#include <stddef.h>
#include <stdint.h>

typedef struct uv_handle_s uv_handle_t;
typedef struct uv_loop_s uv_loop_t;
typedef struct {
  uint64_t loop_count;
  /* How many events the loop has called back for. */
  uint64_t events;
  uint64_t events_waiting;
  uint64_t *reserved[13];
} uv_metrics_t;
typedef void (*uv_callback)(uv_handle_t *handle);

enum { UV_CHECK = 2, UV_IDLE = 6, UV_POLL = 8, UV_PREPARE = 9 };
enum { UV_READABLE = 1 };

size_t uv_handle_size(int type);
void *uv_handle_get_data(const uv_handle_t *handle);
void uv_handle_set_data(uv_handle_t *handle, void *data);
void uv_ref(uv_handle_t *handle);
void uv_unref(uv_handle_t *handle);
void uv_close(uv_handle_t *handle, uv_callback closed);

int uv_poll_init(uv_loop_t *loop, uv_handle_t *handle, int fd);
int uv_poll_start(uv_handle_t *handle, int events, void (*callback)(uv_handle_t *, int, int));
int uv_idle_init(uv_loop_t *loop, uv_handle_t *handle);
int uv_idle_start(uv_handle_t *handle, uv_callback callback);
int uv_idle_stop(uv_handle_t *handle);
int uv_prepare_init(uv_loop_t *loop, uv_handle_t *handle);
int uv_prepare_start(uv_handle_t *handle, uv_callback callback);
int uv_check_init(uv_loop_t *loop, uv_handle_t *handle);
int uv_check_start(uv_handle_t *handle, uv_callback callback);

int uv_backend_fd(const uv_loop_t *loop);
int uv_backend_timeout(const uv_loop_t *loop);
void uv_update_time(uv_loop_t *loop);
/* Since libuv 1.45, Node 20.3: looked up at run time. */
typedef int uv_metrics_info_function(uv_loop_t *loop, uv_metrics_t *metrics);

#endif
