/*
 * Addresses of sockets as the kernel has them: a struct sockaddr_in, sockaddr_in6 or sockaddr_un as bytes, which
 * src/native/socket-address.ts makes and reads.
 */
#include "sluice.h"
#include <sys/socket.h>

/* bindAddress(fd, address) → 0. bind(2). */
static napi_value address_bind(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes address = arg_bytes(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, bind(fd, (const struct sockaddr *)address.data, address.length));
}

/* connectAddress(fd, address) → 0, -EINPROGRESS on a non-blocking socket that must wait for the peer. connect(2). */
static napi_value address_connect(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes address = arg_bytes(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, connect(fd, (const struct sockaddr *)address.data, address.length));
}

/* localAddress(fd, out) → bytes of the address that the socket is bound to. getsockname(2). */
static napi_value address_local(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes out = arg_bytes(&args, 1);
  socklen_t length = out.length;
  if (args.bad) return bad_arguments(env);
  if (getsockname(fd, (struct sockaddr *)out.data, &length) == -1) return result(env, -1);
  return number(env, length);
}

/* peerAddress(fd, out) → bytes of the address of the other end. getpeername(2). */
static napi_value address_peer(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes out = arg_bytes(&args, 1);
  socklen_t length = out.length;
  if (args.bad) return bad_arguments(env);
  if (getpeername(fd, (struct sockaddr *)out.data, &length) == -1) return result(env, -1);
  return number(env, length);
}

void define_address(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"bindAddress", address_bind},
      {"connectAddress", address_connect},
      {"localAddress", address_local},
      {"peerAddress", address_peer},
  };
  static const sluice_constant constants[] = {
      {"AF_INET6", AF_INET6},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
