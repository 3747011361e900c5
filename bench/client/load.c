/*
 * When requests are issued. As fast as answers come, each connection is kept at its depth. At a fixed rate the
 * schedule does not wait for answers: a latency counts from the moment that the request was due, so that a server
 * that stalls is charged for every request that it kept waiting (no coordinated omission).
 */
#include "client.h"
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
  EVENTS_MAX = 256,
  FAILURES_MAX = 100, /* the run has failed and need not go on */
  TICK_MS = 100,      /* how often time limits are looked at */
};

struct load {
  const struct options *options;
  struct tally *tally;
  struct connection *connections;
  int epoll, timer;
  uint64_t issued;
  uint64_t end_ns;
  unsigned next; /* the connection that is asked first for room */
};

static uint64_t due_ns(const struct load *load, uint64_t request) {
  return load->tally->first_ns + (uint64_t)(request * 1e9 / load->options->rate);
}

static bool may_issue(const struct load *load, uint64_t at_ns) {
  uint64_t requests_max = load->options->requests_max;
  return at_ns < load->end_ns && (requests_max == 0 || load->issued < requests_max);
}

/* As fast as answers come: tops up one connection. */
static void refill(struct load *load, struct connection *connection) {
  if (load->options->rate > 0 || connection->fd == -1) return;
  while (connection->pending < load->options->pipeline) {
    uint64_t now = now_ns();
    if (!may_issue(load, now)) break;
    connection_add(connection, load->options, now);
    load->issued++;
  }
  connection_send(connection, load->epoll, load->options);
}

/* The next connection with room for a request, in turn, or NULL. */
static struct connection *connection_with_room(struct load *load) {
  for (unsigned i = 0; i < load->options->connections; i++) {
    struct connection *connection = &load->connections[load->next++ % load->options->connections];
    if (connection->fd != -1 && connection->pending < load->options->pipeline) return connection;
  }
  return NULL;
}

/* At a fixed rate: issues what is due and sets the timer for what is next. */
static void issue_due(struct load *load) {
  uint64_t now = now_ns();
  uint64_t due = due_ns(load, load->issued);
  for (; due <= now && may_issue(load, due) && now < load->end_ns; due = due_ns(load, load->issued)) {
    struct connection *connection = connection_with_room(load);
    if (connection == NULL) return; /* an answer will make room */
    connection_add(connection, load->options, due);
    connection_send(connection, load->epoll, load->options);
    load->issued++;
  }
  if (!may_issue(load, due)) return;
  struct itimerspec at = {.it_value = {.tv_sec = due / 1000000000ull, .tv_nsec = due % 1000000000ull}};
  timerfd_settime(load->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Counts what was due and never issued, with the latency that it had reached at the end: a lower bound. */
static void count_missed(struct load *load) {
  if (load->options->rate == 0) return;
  for (uint64_t due; due = due_ns(load, load->issued), may_issue(load, due); load->issued++) {
    load->tally->missed++;
    histogram_add(&load->tally->latency_ns, load->end_ns - due);
  }
}

/* Fails connections that owe an answer and have been silent for too long; returns whether the run goes on. */
static bool check_limits(struct load *load) {
  const struct options *options = load->options;
  uint64_t now = now_ns(), failures = 0;
  bool alive = false, pending = false;
  for (unsigned i = 0; i < options->connections; i++) {
    struct connection *connection = &load->connections[i];
    if (connection->pending > 0 && now > connection->progress_ns + options->timeout_ns)
      connection_fail(connection, load->epoll, options, load->tally, FAILURE_TIMEOUT);
    alive |= connection->fd != -1;
    pending |= connection->pending > 0;
  }
  for (int i = 0; i < FAILURES; i++) failures += load->tally->failures[i];
  bool more = may_issue(load, options->rate > 0 ? due_ns(load, load->issued) : now) && now < load->end_ns;
  return alive && failures < FAILURES_MAX && (pending || more);
}

static void set_up(struct load *load) {
  load->epoll = epoll_create1(EPOLL_CLOEXEC);
  load->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  load->connections = calloc(load->options->connections, sizeof *load->connections);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (load->epoll == -1 || load->timer == -1 || load->connections == NULL ||
      epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->timer, &event) == -1)
    err(1, "setting up the load");
  for (unsigned i = 0; i < load->options->connections; i++)
    connection_open(&load->connections[i], load->epoll, load->options, load->tally);
}

static void handle(struct load *load, const struct epoll_event *event) {
  struct connection *connection = event->data.ptr;
  uint64_t expirations;
  if (connection == NULL) {
    if (read(load->timer, &expirations, sizeof expirations) == -1 && errno != EAGAIN) err(1, "timerfd");
    return;
  }
  if (event->events & EPOLLOUT) connection_send(connection, load->epoll, load->options);
  connection_receive(connection, load->epoll, load->options, load->tally);
  refill(load, connection);
}

static void tear_down(struct load *load) {
  for (unsigned i = 0; i < load->options->connections; i++)
    if (load->connections[i].fd != -1) close(load->connections[i].fd);
  free(load->connections);
  close(load->timer);
  close(load->epoll);
}

void load_run(const struct options *options, struct tally *tally) {
  struct load load = {.options = options, .tally = tally};
  struct epoll_event events[EVENTS_MAX];
  set_up(&load);
  tally->first_ns = tally->last_ns = now_ns();
  load.end_ns = tally->first_ns + options->duration_ns;
  for (unsigned i = 0; i < options->connections; i++) refill(&load, &load.connections[i]);
  uint64_t checked_ns = tally->first_ns;
  bool goes_on = true;
  while (goes_on) {
    if (options->rate > 0) issue_due(&load);
    int count = epoll_wait(load.epoll, events, EVENTS_MAX, TICK_MS);
    if (count == -1 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < count; i++) handle(&load, &events[i]);
    uint64_t now = now_ns();
    bool ended = !may_issue(&load, now) || tally->last_ns >= load.end_ns;
    if (count > 0 && !ended && now < checked_ns + TICK_MS * 1000000ull) continue;
    checked_ns = now;
    goes_on = check_limits(&load);
  }
  count_missed(&load);
  tear_down(&load);
}
