/* The connections of the load, on one epoll, until the time is over and nothing is in flight any more. */
#define _GNU_SOURCE
#include "traffic.h"
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICK_MS = 20 }; /* how often time limits are looked at */

static bool is_stream(const struct load *load) {
  return load->options->kind == KIND_SEND || load->options->kind == KIND_RECEIVE;
}

/* Streams of a given length are finished, as messages are. */
static bool ends_by_time(const struct load *load) {
  return is_stream(load) && load->options->stream_bytes == 0;
}

void load_watch(struct load *load, struct connection *connection, uint32_t events) {
  if (connection->events == events) return;
  struct epoll_event event = {.events = events, .data.ptr = connection};
  int operation = connection->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(load->epoll, operation, connection->fd, &event) == -1) err(1, "epoll_ctl");
  connection->events = events;
}

void load_close(struct load *load, struct connection *connection, enum failure failure) {
  if (failure != FAILURE_NONE) load->tally->failures[failure]++;
  close(connection->fd);
  connection->fd = -1;
}

void load_open(struct load *load, struct connection *connection) {
  const struct options *options = load->options;
  int on = 1;
  *connection = (struct connection){.hello = {.kind = options->kind, .bytes = options->bytes}};
  connection->began_ns = connection->progress_ns = now_ns();
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connection->fd == -1) err(1, "socket");
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(connection->fd, (const struct sockaddr *)&options->address, sizeof options->address) == -1 &&
      errno != EINPROGRESS)
    return load_close(load, connection, FAILURE_CONNECT);
  load_watch(load, connection, EPOLLOUT);
}

/* Ends streams when the time is over, and what has been silent for too long; returns whether anything goes on. */
static bool check_limits(struct load *load, uint64_t now) {
  bool alive = false;
  for (unsigned i = 0; i < load->options->connections; i++) {
    struct connection *connection = &load->connections[i];
    if (connection->fd == -1) continue;
    if (now > connection->progress_ns + load->options->timeout_ns)
      load_close(load, connection, FAILURE_TIMEOUT);
    else if (now >= load->end_ns && ends_by_time(load) && !connection->draining)
      stream_stop(load, connection);
    alive |= connection->fd != -1;
  }
  return alive;
}

void load_run(const struct options *options, struct tally *tally) {
  struct load load = {.options = options, .tally = tally};
  struct epoll_event events[EVENTS_MAX];
  load.epoll = epoll_create1(EPOLL_CLOEXEC);
  load.connections = calloc(options->connections, sizeof *load.connections);
  if (load.epoll == -1 || load.connections == NULL) err(1, "setting up the load");
  tally->first_ns = tally->last_ns = now_ns();
  load.end_ns = tally->first_ns + options->duration_ns;
  for (unsigned i = 0; i < options->connections; i++) load_open(&load, &load.connections[i]);
  uint64_t checked_ns = tally->first_ns;
  for (bool alive = true; alive;) {
    int count = epoll_wait(load.epoll, events, EVENTS_MAX, TICK_MS);
    if (count == -1 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (is_stream(&load)) stream_advance(&load, connection);
      else talk_advance(&load, connection);
    }
    uint64_t now = now_ns();
    if (count > 0 && now < load.end_ns && now < checked_ns + TICK_MS * 1000000ull) continue;
    checked_ns = now;
    alive = check_limits(&load, now);
  }
  free(load.connections);
  close(load.epoll);
}
