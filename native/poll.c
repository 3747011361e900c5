/* Readiness of many descriptors at once, epoll(7), and a descriptor for waking another thread, eventfd(2). */
#include "sluice.h"
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* How JavaScript reads an event: three 32-bit words, the mask and then the two halves of the tag. */
_Static_assert(sizeof(struct epoll_event) == 12 || sizeof(struct epoll_event) == 16, "epoll_event's size");
#define EVENT_WORDS 3
#define EVENTS_MAX 256

/* epollCreate() → an epoll descriptor, closed on exec. */
static napi_value poll_create(napi_env env, napi_callback_info info) {
  return result(env, epoll_create1(EPOLL_CLOEXEC));
}

/* epollControl(epoll, operation, fd, mask, tag, generation) → 0. The two numbers come back with the events. */
static napi_value poll_control(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int epoll = arg_int(&args, 0);
  int operation = arg_int(&args, 1);
  int fd = arg_int(&args, 2);
  struct epoll_event event = {.events = arg_uint(&args, 3)};
  event.data.u64 = arg_uint(&args, 4) | (uint64_t)arg_uint(&args, 5) << 32;
  if (args.bad) return bad_arguments(env);
  return result(env, epoll_ctl(epoll, operation, fd, &event));
}

int take_events(int epoll, sluice_bytes out, int milliseconds) {
  struct epoll_event events[EVENTS_MAX];
  size_t room = out.length / (EVENT_WORDS * sizeof(uint32_t));
  /* Room for none is EINVAL, epoll_wait(2). */
  int count = epoll_wait(epoll, events, room < EVENTS_MAX ? room : EVENTS_MAX, milliseconds);
  uint32_t *words = (uint32_t *)out.data;
  for (int i = 0; i < count; i++, words += EVENT_WORDS) {
    words[0] = events[i].events;
    words[1] = (uint32_t)events[i].data.u64;
    words[2] = (uint32_t)(events[i].data.u64 >> 32);
  }
  return count;
}

/* epollWait(epoll, out: Uint32Array) → events taken without waiting: for each its mask, tag, generation. */
static napi_value poll_wait(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int epoll = arg_int(&args, 0);
  sluice_bytes out = arg_bytes(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, take_events(epoll, out, 0));
}

/* epollWaitFor(epoll, out, milliseconds) → the same, after waiting for the first event; 0 where none came in time. */
static napi_value poll_wait_for(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int epoll = arg_int(&args, 0);
  sluice_bytes out = arg_bytes(&args, 1);
  uint32_t milliseconds = arg_uint(&args, 2);
  if (args.bad || milliseconds > INT_MAX) return bad_arguments(env);
  return result(env, take_events(epoll, out, milliseconds));
}

/* eventfdCreate() → a counter that is readable while it is not zero, closed on exec. eventfd(2). */
static napi_value poll_eventfd(napi_env env, napi_callback_info info) {
  return result(env, eventfd(0, EFD_CLOEXEC));
}

/* eventfdAdd(fd) → 0: the counter is one more. */
static napi_value poll_eventfd_add(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  if (args.bad) return bad_arguments(env);
  return result(env, eventfd_write(fd, 1));
}

/* pollNow(fd, events) → those of the events that hold now, with POLLERR and POLLHUP; 0 where none do. poll(2). */
static napi_value poll_now(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  struct pollfd asked = {.fd = arg_int(&args, 0), .events = arg_int(&args, 1)};
  if (args.bad) return bad_arguments(env);
  if (poll(&asked, 1, 0) == -1) return result(env, -1);
  return number(env, asked.revents);
}

void define_poll(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"epollCreate", poll_create},
      {"epollControl", poll_control},
      {"epollWait", poll_wait},
      {"epollWaitFor", poll_wait_for},
      {"pollNow", poll_now},
      {"eventfdCreate", poll_eventfd},
      {"eventfdAdd", poll_eventfd_add},
  };
  static const sluice_constant constants[] = {
      {"EPOLL_CTL_ADD", EPOLL_CTL_ADD}, {"EPOLL_CTL_MOD", EPOLL_CTL_MOD}, {"EPOLL_CTL_DEL", EPOLL_CTL_DEL},
      {"EPOLLIN", EPOLLIN},             {"EPOLLOUT", EPOLLOUT},           {"EPOLLRDHUP", EPOLLRDHUP},
      {"EPOLLERR", EPOLLERR},           {"EPOLLHUP", EPOLLHUP},           {"EPOLLET", EPOLLET},
      {"EPOLLONESHOT", EPOLLONESHOT},   {"POLLIN", POLLIN},               {"POLLOUT", POLLOUT},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
