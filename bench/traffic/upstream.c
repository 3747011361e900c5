/* The end behind the proxy. A connection's first bytes say what it is for. */
#define _GNU_SOURCE
#include "traffic.h"
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

struct served {
  int fd;
  uint32_t events;
  struct hello hello;
  size_t greeted;    /* bytes of the hello that have come */
  count total;       /* bytes of the stream, either way, the hello of one that comes among them */
  size_t count_sent; /* bytes of the count that are out */
  bool ended;        /* the client has shut down */
  uint32_t received, sent;
  uint8_t *message;
};

static uint8_t piece[PIECE_BYTES];
static int epoll;

static void watch(struct served *served, uint32_t events) {
  if (served->events == events) return;
  struct epoll_event event = {.events = events, .data.ptr = served};
  if (epoll_ctl(epoll, served->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, served->fd, &event) == -1)
    err(1, "epoll_ctl");
  served->events = events;
}

static void accept_all(int listener) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
    struct served *served = calloc(1, sizeof *served);
    if (served == NULL) err(1, "a connection");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    served->fd = fd;
    watch(served, EPOLLIN);
  }
}

/* The functions below go as far as the socket lets them, within bounds; false where the connection is over. */

static bool answer(struct served *served) {
  uint32_t all = served->hello.bytes;
  if (served->received < all) {
    ssize_t bytes = recv(served->fd, served->message + served->received, all - served->received, MSG_DONTWAIT);
    if (bytes <= 0) return bytes == -1 && errno == EAGAIN;
    served->received += bytes;
    if (served->received < all) return true;
  }
  ssize_t bytes = send(served->fd, served->message + served->sent, all - served->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (bytes == -1 && errno != EAGAIN) return false;
  if (bytes > 0) served->sent += bytes;
  bool done = served->sent == all;
  if (done) served->sent = served->received = 0;
  watch(served, done ? EPOLLIN : EPOLLOUT);
  return true;
}

static bool greet(struct served *served) {
  uint8_t *into = (uint8_t *)&served->hello;
  ssize_t bytes = recv(served->fd, into + served->greeted, sizeof served->hello - served->greeted, MSG_DONTWAIT);
  if (bytes <= 0) return bytes == -1 && errno == EAGAIN;
  served->greeted += bytes;
  if (served->greeted < sizeof served->hello) return true;
  const struct hello *hello = &served->hello;
  if (hello->kind == KIND_SEND) {
    served->total = sizeof *hello;
  } else if (hello->kind == KIND_RECEIVE) {
    watch(served, EPOLLIN | EPOLLOUT);
  } else {
    if (hello->bytes < sizeof *hello || hello->bytes > MESSAGE_MAX) return false;
    served->message = malloc(hello->bytes);
    if (served->message == NULL) err(1, "a message");
    memcpy(served->message, hello, sizeof *hello);
    served->received = sizeof *hello;
    return answer(served);
  }
  return true;
}

static bool send_count(struct served *served) {
  const uint8_t *from = (const uint8_t *)&served->total + served->count_sent;
  ssize_t bytes = send(served->fd, from, sizeof served->total - served->count_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (bytes == -1 && errno != EAGAIN) return false;
  if (bytes > 0) served->count_sent += bytes;
  if (served->count_sent == sizeof served->total) return false;
  watch(served, EPOLLOUT);
  return true;
}

static bool take_stream(struct served *served) {
  for (size_t taken = 0; taken < STEP_BYTES && !served->ended;) {
    ssize_t bytes = recv(served->fd, NULL, STEP_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    if (bytes == -1) return errno == EAGAIN;
    if (bytes == 0) served->ended = true;
    served->total += bytes;
    taken += bytes;
  }
  return served->ended ? send_count(served) : true;
}

static bool give_stream(struct served *served, uint32_t events) {
  uint8_t byte;
  if (!served->ended && events & EPOLLIN) {
    if (recv(served->fd, &byte, 1, MSG_DONTWAIT) != 0) return false; /* nothing more is due from the client */
    served->ended = true;
  }
  if (served->ended) return send_count(served);
  for (size_t given = 0; given < STEP_BYTES;) {
    ssize_t bytes = send(served->fd, piece, sizeof piece, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (bytes == -1) return errno == EAGAIN;
    served->total += bytes;
    given += bytes;
  }
  return true;
}

static bool advance(struct served *served, uint32_t events) {
  if (served->greeted < sizeof served->hello) return greet(served);
  if (served->hello.kind == KIND_SEND) return served->ended ? send_count(served) : take_stream(served);
  if (served->hello.kind == KIND_RECEIVE) return give_stream(served, events);
  return answer(served);
}

/* A listening, non-blocking socket on a port of the kernel's choice. */
static int listen_somewhere(uint16_t *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd == -1 || bind(fd, (struct sockaddr *)&address, length) == -1 || listen(fd, BACKLOG) == -1 ||
      getsockname(fd, (struct sockaddr *)&address, &length) == -1)
    err(1, "listening on 127.0.0.1");
  *port = ntohs(address.sin_port);
  return fd;
}

void upstream_run(void) {
  uint16_t port;
  int listener = listen_somewhere(&port);
  struct epoll_event events[EVENTS_MAX], listening = {.events = EPOLLIN, .data.ptr = NULL};
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll == -1 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening) == -1) err(1, "epoll");
  printf("listening on 127.0.0.1:%d\n", port);
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
    if (count == -1 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < count; i++) {
      struct served *served = events[i].data.ptr;
      if (served == NULL) {
        accept_all(listener);
      } else if (!advance(served, events[i].events)) {
        close(served->fd);
        free(served->message);
        free(served);
      }
    }
  }
}
