/*
 * Sockets: making, connecting, sending and receiving; setsockopt(2), getsockopt(2), the error queue of
 * recvmsg(2). Addresses of IPv4 are numbers: 127.0.0.1 is 0x7f000001.
 */
#include "sluice.h"
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <linux/if_xdp.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* socket(domain, type, protocol) → fd. */
static napi_value socket_socket(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int domain = arg_int(&args, 0);
  int type = arg_int(&args, 1);
  int protocol = arg_int(&args, 2);
  if (args.bad) return bad_arguments(env);
  return result(env, socket(domain, type, protocol));
}

/* socketpair(domain, type, out: Int32Array(2)) → 0. Fills two sockets that are connected to each other. */
static napi_value socket_socketpair(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int domain = arg_int(&args, 0);
  int type = arg_int(&args, 1);
  sluice_bytes out = arg_bytes(&args, 2);
  if (args.bad || out.length < 2 * sizeof(int)) return bad_arguments(env);
  return result(env, socketpair(domain, type, 0, (int *)out.data));
}

static struct sockaddr_in arg_ipv4(sluice_args *args, int index) {
  uint32_t port = arg_uint(args, index + 1);
  if (port > UINT16_MAX) args->bad = true;
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(arg_uint(args, index))}};
}

/* bindIpv4(fd, address, port) → 0. Port 0 lets the kernel choose. */
static napi_value socket_bind_ipv4(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  struct sockaddr_in address = arg_ipv4(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, bind(fd, (struct sockaddr *)&address, sizeof address));
}

/* connectIpv4(fd, address, port) → 0, -EINPROGRESS on a non-blocking socket that must wait for the peer. */
static napi_value socket_connect_ipv4(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  struct sockaddr_in address = arg_ipv4(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, connect(fd, (struct sockaddr *)&address, sizeof address));
}

/* localPort(fd) → the port that an IPv4 socket is bound to. getsockname(2). */
static napi_value socket_local_port(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  struct sockaddr_in address = {0};
  socklen_t length = sizeof address;
  if (args.bad) return bad_arguments(env);
  if (getsockname(fd, (struct sockaddr *)&address, &length) == -1) return result(env, -1);
  return number(env, ntohs(address.sin_port));
}

/* listen(fd, backlog) → 0. */
static napi_value socket_listen(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int backlog = arg_int(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, listen(fd, backlog));
}

/* accept4(fd, flags) → the descriptor of the next connection. */
static napi_value socket_accept4(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int flags = arg_int(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, accept4(fd, NULL, NULL, flags));
}

/* shutdown(fd, how) → 0. */
static napi_value socket_shutdown(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int how = arg_int(&args, 1);
  if (args.bad) return bad_arguments(env);
  return result(env, shutdown(fd, how));
}

/*
 * disconnect(fd) → 0. Drops what a TCP socket has not sent yet, and resets the connection: connect(2) with AF_UNSPEC.
 */
static napi_value socket_disconnect(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  struct sockaddr address = {.sa_family = AF_UNSPEC};
  if (args.bad) return bad_arguments(env);
  return result(env, connect(fd, &address, sizeof address));
}

/*
 * sendText(fd, text, flags) → bytes taken; MSG_NOSIGNAL is always set. The characters are Latin-1, one byte each;
 * of a longer text the first 16 KiB are sent. send(2).
 */
static napi_value socket_send_text(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  char text[16 * 1024 + 1]; /* Node-API ends the text with a zero. */
  size_t length = 0;
  int fd = arg_int(&args, 0);
  int flags = arg_int(&args, 2);
  if (napi_get_value_string_latin1(env, args.values[1], text, sizeof text, &length) != napi_ok) args.bad = true;
  if (args.bad) return bad_arguments(env);
  return result(env, send(fd, text, length, flags | MSG_NOSIGNAL));
}

/*
 * send(fd, bytes, flags) → bytes taken; MSG_NOSIGNAL is always set. With MSG_ZEROCOPY the kernel refers to the
 * bytes until receiveError says that it has let go: they must stay where they are, unchanged.
 */
static napi_value socket_send(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes bytes = arg_bytes(&args, 1);
  int flags = arg_int(&args, 2);
  if (args.bad) return bad_arguments(env);
  return result(env, send(fd, bytes.data, bytes.length, flags | MSG_NOSIGNAL));
}

/*
 * sendRange(fd, bytes, offset, length, flags) → bytes taken; MSG_NOSIGNAL is always set. A part of the bytes, without
 * a view for it being made.
 */
static napi_value socket_send_range(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes bytes = arg_bytes(&args, 1);
  uint32_t offset = arg_uint(&args, 2);
  uint32_t length = arg_uint(&args, 3);
  int flags = arg_int(&args, 4);
  if (args.bad || offset > bytes.length || length > bytes.length - offset) return bad_arguments(env);
  return result(env, send(fd, (const char *)bytes.data + offset, length, flags | MSG_NOSIGNAL));
}

/*
 * sendViews(fd, views, flags) → bytes taken; MSG_NOSIGNAL is always set. An array of at most UIO_MAXIOV typed arrays,
 * gathered in order: many messages in one sendmsg(2).
 */
static napi_value socket_send_views(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  struct iovec iov[UIO_MAXIOV];
  int fd = arg_int(&args, 0);
  uint32_t count = arg_views(&args, 1, iov);
  int flags = arg_int(&args, 2);
  if (args.bad) return bad_arguments(env);
  struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
  return result(env, sendmsg(fd, &message, flags | MSG_NOSIGNAL));
}

/* recv(fd, bytes, flags) → bytes received; 0 where the peer has ended. */
static napi_value socket_recv(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes bytes = arg_bytes(&args, 1);
  int flags = arg_int(&args, 2);
  if (args.bad) return bad_arguments(env);
  return result(env, recv(fd, bytes.data, bytes.length, flags));
}

/*
 * receiveError(fd, out: Uint32Array(5)) → 0; -EAGAIN where the error queue is empty. Fills errno, origin, code,
 * info and data of a struct sock_extended_err, ip(7). For MSG_ZEROCOPY the origin is SO_EE_ORIGIN_ZEROCOPY, info
 * and data are the first and last send that completed, and SO_EE_CODE_ZEROCOPY_COPIED says that they were copied.
 */
static napi_value socket_receive_error(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes out = arg_bytes(&args, 1);
  _Alignas(struct cmsghdr) char control[256];
  struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
  if (args.bad || out.length < 5 * sizeof(uint32_t)) return bad_arguments(env);
  if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) == -1) return result(env, -1);
  for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item != NULL; item = CMSG_NXTHDR(&message, item)) {
    if (!(item->cmsg_level == SOL_IP && item->cmsg_type == IP_RECVERR) &&
        !(item->cmsg_level == SOL_IPV6 && item->cmsg_type == IPV6_RECVERR))
      continue;
    struct sock_extended_err error;
    memcpy(&error, CMSG_DATA(item), sizeof error);
    uint32_t words[5] = {error.ee_errno, error.ee_origin, error.ee_code, error.ee_info, error.ee_data};
    memcpy(out.data, words, sizeof words);
    return number(env, 0);
  }
  return number(env, -ENOMSG);
}

/*
 * tcpZerocopyReceive(fd, mapping, out: Uint32Array(2)) → 0. Replaces the mapping's pages, which mmap(2) made of
 * this very socket, by pages of the receive queue. Fills the bytes mapped, and the bytes after them that must be
 * received by copying because they do not fill a page. TCP_ZEROCOPY_RECEIVE, Linux 4.18.
 */
static napi_value socket_tcp_zerocopy_receive(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  sluice_bytes mapping = arg_bytes(&args, 1);
  sluice_bytes out = arg_bytes(&args, 2);
  if (args.bad || out.length < 2 * sizeof(uint32_t) || mapping.length > UINT32_MAX) return bad_arguments(env);
  struct tcp_zerocopy_receive request = {.address = (uintptr_t)mapping.data, .length = mapping.length};
  socklen_t length = sizeof request;
  if (getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &request, &length) == -1) return result(env, -1);
  uint32_t words[2] = {request.length, request.recv_skip_hint};
  memcpy(out.data, words, sizeof words);
  return number(env, 0);
}

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

/* setsockoptBytes(fd, level, name, value) → 0. */
static napi_value socket_setsockopt_bytes(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int level = arg_int(&args, 1);
  int name = arg_int(&args, 2);
  sluice_bytes value = arg_bytes(&args, 3);
  if (args.bad) return bad_arguments(env);
  return result(env, setsockopt(fd, level, name, value.data, value.length));
}

/* getsockoptBytes(fd, level, name, value) → bytes filled in. */
static napi_value socket_getsockopt_bytes(napi_env env, napi_callback_info info) {
  sluice_args args = args_read(env, info);
  int fd = arg_int(&args, 0);
  int level = arg_int(&args, 1);
  int name = arg_int(&args, 2);
  sluice_bytes value = arg_bytes(&args, 3);
  if (args.bad) return bad_arguments(env);
  socklen_t length = value.length;
  if (getsockopt(fd, level, name, value.data, &length) == -1) return result(env, -1);
  return number(env, length);
}

void define_socket(napi_env env, napi_value exports) {
  static const sluice_function functions[] = {
      {"socket", socket_socket},
      {"socketpair", socket_socketpair},
      {"bindIpv4", socket_bind_ipv4},
      {"connectIpv4", socket_connect_ipv4},
      {"localPort", socket_local_port},
      {"listen", socket_listen},
      {"accept4", socket_accept4},
      {"shutdown", socket_shutdown},
      {"disconnect", socket_disconnect},
      {"send", socket_send},
      {"sendText", socket_send_text},
      {"sendRange", socket_send_range},
      {"sendViews", socket_send_views},
      {"recv", socket_recv},
      {"receiveError", socket_receive_error},
      {"tcpZerocopyReceive", socket_tcp_zerocopy_receive},
      {"setsockoptInt", socket_setsockopt_int},
      {"getsockoptInt", socket_getsockopt_int},
      {"setsockoptBytes", socket_setsockopt_bytes},
      {"getsockoptBytes", socket_getsockopt_bytes},
  };
  static const sluice_constant constants[] = {
      {"AF_UNIX", AF_UNIX},
      {"AF_INET", AF_INET},
      {"AF_INET6", AF_INET6},
      {"AF_XDP", AF_XDP},
      {"SOCK_STREAM", SOCK_STREAM},
      {"SOCK_RAW", SOCK_RAW},
      {"SOCK_NONBLOCK", SOCK_NONBLOCK},
      {"SOCK_CLOEXEC", SOCK_CLOEXEC},
      {"SHUT_WR", SHUT_WR},
      {"SHUT_RDWR", SHUT_RDWR},
      {"MSG_DONTWAIT", MSG_DONTWAIT},
      {"MSG_MORE", MSG_MORE},
      {"MSG_PEEK", MSG_PEEK},
      {"MSG_ZEROCOPY", MSG_ZEROCOPY},
      {"SO_EE_ORIGIN_ZEROCOPY", SO_EE_ORIGIN_ZEROCOPY},
      {"SO_EE_CODE_ZEROCOPY_COPIED", SO_EE_CODE_ZEROCOPY_COPIED},
      {"SOL_SOCKET", SOL_SOCKET},
      {"SO_ZEROCOPY", SO_ZEROCOPY},
      {"SO_REUSEADDR", SO_REUSEADDR},
      {"SO_REUSEPORT", SO_REUSEPORT},
      {"SO_RCVLOWAT", SO_RCVLOWAT},
      {"SO_DOMAIN", SO_DOMAIN},
      {"SO_LINGER", SO_LINGER},
      {"SO_ERROR", SO_ERROR},
      {"IPPROTO_TCP", IPPROTO_TCP},
      {"TCP_NODELAY", TCP_NODELAY},
      {"TCP_CORK", TCP_CORK},
      {"TCP_ULP", TCP_ULP},
      {"SOL_TLS", SOL_TLS},
      {"TLS_TX", TLS_TX},
      {"TLS_RX", TLS_RX},
      {"SOL_XDP", SOL_XDP},
      {"XDP_UMEM_REG", XDP_UMEM_REG},
  };
  define_functions(env, exports, functions, COUNT_OF(functions));
  define_constants(env, exports, constants, COUNT_OF(constants));
}
