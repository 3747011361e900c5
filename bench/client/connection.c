#define _GNU_SOURCE
#include "client.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* A connected, non-blocking socket, or -1. */
static int connect_socket(const struct options *options) {
  int on = 1;
  struct timeval patience = {.tv_sec = options->timeout_ns / 1000000000ull, .tv_usec = 1};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd == -1) return -1;
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* bounds connect(2) too: socket(7) */
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, (const struct sockaddr *)&options->address, sizeof options->address) == 0) return fd;
  close(fd);
  return -1;
}

void connection_open(struct connection *connection, int epoll, const struct options *options, struct tally *tally) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  connection->fd = connect_socket(options);
  if (connection->fd == -1 || epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) == -1) {
    tally->failures[FAILURE_CONNECT]++;
    connection->pending = 0;
    return;
  }
  connection->head_used = 0;
  connection->in_body = connection->closes = connection->waits_to_send = connection->answered = false;
  connection->progress_ns = now_ns();
  connection->unsent_bytes = connection->pending * options->request_bytes;
  connection_send(connection, epoll, options);
}

static void reopen(struct connection *connection, int epoll, const struct options *options, struct tally *tally) {
  close(connection->fd);
  connection_open(connection, epoll, options, tally);
}

void connection_add(struct connection *connection, const struct options *options, uint64_t started_ns) {
  if (connection->pending == 0) connection->progress_ns = started_ns;
  connection->started_ns[(connection->oldest + connection->pending++) % PIPELINE_MAX] = started_ns;
  connection->unsent_bytes += options->request_bytes;
}

void connection_send(struct connection *connection, int epoll, const struct options *options) {
  while (connection->unsent_bytes > 0) {
    /* All requests are the same bytes, so what is left of the first follows from what is left in all. */
    size_t left_of_first = connection->unsent_bytes % options->request_bytes;
    size_t skip = left_of_first == 0 ? 0 : options->request_bytes - left_of_first;
    ssize_t sent = send(connection->fd, options->requests + skip, connection->unsent_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == -1) break; /* full, or broken: then reading tells */
    connection->unsent_bytes -= sent;
  }
  bool waits = connection->unsent_bytes > 0;
  if (waits == connection->waits_to_send) return;
  connection->waits_to_send = waits;
  struct epoll_event event = {.events = waits ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = connection};
  epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void forget_oldest(struct connection *connection) {
  connection->oldest = (connection->oldest + 1) % PIPELINE_MAX;
  connection->pending--;
}

void connection_fail(struct connection *connection, int epoll, const struct options *options, struct tally *tally,
                     enum failure failure) {
  tally->failures[failure]++;
  if (connection->pending > 0) forget_oldest(connection);
  reopen(connection, epoll, options, tally);
}

static void complete(struct connection *connection, struct tally *tally) {
  uint64_t now = now_ns();
  histogram_add(&tally->latency_ns, now - connection->started_ns[connection->oldest]);
  tally->requests++;
  tally->bytes += connection->body_bytes;
  tally->last_ns = now;
  connection->in_body = false;
  connection->answered = true;
  forget_oldest(connection);
}

/* Takes the responses out of what was read, and leaves the beginning of a head in the buffer. */
static enum failure take_responses(struct connection *connection, const struct options *options, struct tally *tally) {
  size_t taken = 0;
  while (taken < connection->head_used && !connection->closes) {
    if (connection->pending == 0) return FAILURE_PROTOCOL;
    const char *head = connection->head + taken;
    size_t available = connection->head_used - taken;
    const char *end = memmem(head, available, "\r\n\r\n", 4);
    if (end == NULL && available == HEAD_BYTES) return FAILURE_PROTOCOL;
    if (end == NULL) break;
    size_t head_bytes = end + 4 - head;
    struct response response;
    if (!response_parse(head, head_bytes, &response) || response.length == -1) return FAILURE_PROTOCOL;
    if (response.status / 100 != 2 && response.status != 304) return FAILURE_STATUS;
    if (options->length != -1 && response.length != options->length) return FAILURE_LENGTH;
    uint64_t here = available - head_bytes;
    if (here > (uint64_t)response.length) here = response.length;
    taken += head_bytes + here;
    connection->closes = response.closes;
    connection->body_bytes = response.length;
    connection->body_left = response.length - here;
    connection->in_body = connection->body_left > 0;
    if (!connection->in_body) complete(connection, tally);
  }
  connection->head_used -= taken;
  memmove(connection->head, connection->head + taken, connection->head_used);
  return FAILURE_NONE;
}

/*
 * The end of the stream. A server may close a kept-alive connection between responses, and a request that crosses
 * that is sent again (RFC 9112, 9.3.1). Anything else that is owed is a short response.
 */
static void end_of_stream(struct connection *connection, int epoll, const struct options *options,
                          struct tally *tally) {
  bool inside = connection->in_body || connection->head_used > 0;
  if (inside || (connection->pending > 0 && !connection->answered))
    return connection_fail(connection, epoll, options, tally, FAILURE_SHORT);
  tally->reconnects++;
  reopen(connection, epoll, options, tally);
}

void connection_receive(struct connection *connection, int epoll, const struct options *options, struct tally *tally) {
  bool more = true;
  while (more && connection->fd != -1) {
    bool in_body = connection->in_body;
    size_t wanted = in_body ? connection->body_left : HEAD_BYTES - connection->head_used;
    ssize_t got = in_body ? recv(connection->fd, NULL, wanted, MSG_TRUNC | MSG_DONTWAIT)
                          : recv(connection->fd, connection->head + connection->head_used, wanted, MSG_DONTWAIT);
    if (got == -1 && (errno == EAGAIN || errno == EINTR)) return;
    if (got == -1) return connection_fail(connection, epoll, options, tally, FAILURE_RESET);
    if (got == 0) return end_of_stream(connection, epoll, options, tally);
    connection->progress_ns = now_ns();
    more = (size_t)got == wanted;
    if (in_body) {
      connection->body_left -= got;
      if (connection->body_left == 0) complete(connection, tally);
    } else {
      connection->head_used += got;
      enum failure failure = take_responses(connection, options, tally);
      if (failure != FAILURE_NONE) return connection_fail(connection, epoll, options, tally, failure);
    }
    if (connection->closes && !connection->in_body) {
      tally->reconnects++;
      return reopen(connection, epoll, options, tally);
    }
  }
}
