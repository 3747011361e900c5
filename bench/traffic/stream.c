/* Bulk of the load. In the end both sides have counted, and the upstream says its count: what is lost is found out. */
#include "traffic.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static uint8_t piece[PIECE_BYTES];

static enum failure failure_of(int error) {
  return error == ECONNREFUSED ? FAILURE_CONNECT : FAILURE_RESET;
}

static void moved(struct connection *connection, size_t bytes) {
  connection->moved += bytes;
  connection->progress_ns = now_ns();
}

/* The stream is over: whether all arrived that was sent. */
static void finish(struct load *load, struct connection *connection) {
  struct tally *tally = load->tally;
  count theirs = 0;
  memcpy(&theirs, connection->last, sizeof theirs);
  if (!connection->draining || connection->last_bytes < sizeof theirs)
    return load_close(load, connection, FAILURE_SHORT);
  if (theirs != connection->moved) return load_close(load, connection, FAILURE_WRONG);
  tally->bytes += connection->moved;
  tally->last_ns = now_ns();
  load_close(load, connection, FAILURE_NONE);
  if (load->options->stream_bytes == 0) return;
  tally->messages++;
  if (tally->last_ns < load->end_ns) load_open(load, connection);
}

/* The first bytes are the hello, like all others sent from the piece. */
static ssize_t send_some(const struct options *options, struct connection *connection) {
  bool first = connection->moved < sizeof connection->hello;
  const uint8_t *from = first ? (const uint8_t *)&connection->hello + connection->moved : piece;
  size_t bytes = first ? sizeof connection->hello - connection->moved : sizeof piece;
  uint64_t left = options->stream_bytes - connection->moved;
  if (options->stream_bytes != 0 && bytes > left) bytes = left;
  return send(connection->fd, from, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_stream(struct load *load, struct connection *connection) {
  const struct options *options = load->options;
  for (size_t sent = 0; sent < STEP_BYTES;) {
    if (options->stream_bytes != 0 && connection->moved == options->stream_bytes) return stream_stop(load, connection);
    ssize_t bytes = send_some(options, connection);
    if (bytes == -1 && errno == EAGAIN) return;
    if (bytes == -1) return load_close(load, connection, failure_of(errno));
    moved(connection, bytes);
    sent += bytes;
  }
}

/* A stream that comes is asked for by the hello alone. */
static void ask(struct load *load, struct connection *connection) {
  const uint8_t *from = (const uint8_t *)&connection->hello + connection->sent;
  ssize_t bytes = send(connection->fd, from, sizeof connection->hello - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (bytes == -1 && errno == EAGAIN) return;
  if (bytes == -1) return load_close(load, connection, failure_of(errno));
  connection->sent += bytes;
  if (connection->sent == sizeof connection->hello) load_watch(load, connection, EPOLLIN);
}

static void receive_stream(struct load *load, struct connection *connection) {
  for (size_t received = 0; received < STEP_BYTES;) {
    ssize_t bytes = recv(connection->fd, NULL, STEP_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    if (bytes == -1 && errno == EAGAIN) return;
    if (bytes == -1) return load_close(load, connection, failure_of(errno));
    if (bytes == 0) return load_close(load, connection, FAILURE_SHORT);
    moved(connection, bytes);
    received += bytes;
  }
}

/* Keeps the last bytes that came, among which is the count. */
static void keep_last(struct connection *connection, size_t bytes) {
  size_t room = sizeof connection->last;
  size_t fresh = bytes < room ? bytes : room;
  size_t kept = connection->last_bytes + fresh > room ? room - fresh : connection->last_bytes;
  memmove(connection->last, connection->last + connection->last_bytes - kept, kept);
  memcpy(connection->last + kept, piece + bytes - fresh, fresh);
  connection->last_bytes = kept + fresh;
}

/* After the shutdown everything is looked at, as the count is the end of it. */
static void drain(struct load *load, struct connection *connection) {
  for (;;) {
    ssize_t bytes = recv(connection->fd, piece, sizeof piece, MSG_DONTWAIT);
    if (bytes == -1 && errno == EAGAIN) return;
    if (bytes == -1) return load_close(load, connection, failure_of(errno));
    if (bytes == 0) break;
    keep_last(connection, bytes);
    connection->progress_ns = now_ns();
    if (load->options->kind == KIND_RECEIVE) connection->moved += bytes;
  }
  if (load->options->kind == KIND_RECEIVE && connection->moved >= sizeof(count)) connection->moved -= sizeof(count);
  finish(load, connection);
}

void stream_advance(struct load *load, struct connection *connection) {
  if (connection->draining) drain(load, connection);
  else if (load->options->kind == KIND_SEND) send_stream(load, connection);
  else if (connection->events & EPOLLOUT) ask(load, connection);
  else receive_stream(load, connection);
}

void stream_stop(struct load *load, struct connection *connection) {
  if (shutdown(connection->fd, SHUT_WR) == -1) return load_close(load, connection, failure_of(errno));
  connection->draining = true;
  load_watch(load, connection, EPOLLIN);
}
