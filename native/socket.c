/* Options and state of sockets: setsockopt(2), getsockopt(2), the queue ioctls of tcp(7). */
#include "sluice.h"
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* setsockoptInt(fd, level, name, value) → 0. */
static napi_value socket_setsockopt_int(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int level = arg_int(&args, 1);
  int name = arg_int(&args, 2);
  int value = arg_int(&args, 3);
  if (args.bad) return bad_arguments(env);
  return result(env, setsockopt(fd, level, name, &value, sizeof value));
}

/* getsockoptInt(fd, level, name) → the value. */
static napi_value socket_getsockopt_int(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int level = arg_int(&args, 1);
  int name = arg_int(&args, 2);
  int value = 0;
  socklen_t length = sizeof value;
  if (args.bad) return bad_arguments(env);
  if (getsockopt(fd, level, name, &value, &length) == -1) return result(env, -1);
  return number(env, value);
}

/* unacknowledged(fd) → bytes in the send queue that the peer has not acknowledged: SIOCOUTQ, tcp(7). */
static napi_value socket_unacknowledged(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int value = 0;
  if (args.bad) return bad_arguments(env);
  if (ioctl(fd, SIOCOUTQ, &value) == -1) return result(env, -1);
  return number(env, value);
}

void define_socket(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"setsockoptInt", socket_setsockopt_int},
      {"getsockoptInt", socket_getsockopt_int},
      {"unacknowledged", socket_unacknowledged},
  };
  static const sluice_constant constants[] = {
      {"SOL_SOCKET", SOL_SOCKET}, {"SO_ERROR", SO_ERROR},       {"SO_TYPE", SO_TYPE},
      {"SO_DOMAIN", SO_DOMAIN},   {"IPPROTO_TCP", IPPROTO_TCP}, {"TCP_CORK", TCP_CORK},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
