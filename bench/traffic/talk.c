/* Messages of the load: one in flight on each connection, and the time until its answer has come in full. */
#include "traffic.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* One thread, so that one message is written or read at a time: its head is the connection's hello. */
static uint8_t message[MESSAGE_MAX];

static void begin(struct connection *connection) {
  connection->sent = connection->received = 0;
  connection->hello.number++;
}

static void send_message(struct load *load, struct connection *connection) {
  memcpy(message, &connection->hello, sizeof connection->hello);
  size_t left = load->options->bytes - connection->sent;
  ssize_t bytes = send(connection->fd, message + connection->sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (bytes == -1 && errno != EAGAIN)
    return load_close(load, connection, errno == ECONNREFUSED ? FAILURE_CONNECT : FAILURE_RESET);
  if (bytes > 0) connection->sent += bytes;
  load_watch(load, connection, connection->sent < load->options->bytes ? EPOLLOUT : EPOLLIN);
}

/* Counts a message; then comes the next, on this connection or on a new one, or the end. */
static void complete(struct load *load, struct connection *connection) {
  struct tally *tally = load->tally;
  uint64_t now = now_ns();
  histogram_add(&tally->latency_ns, now - connection->began_ns);
  tally->messages++;
  tally->bytes += load->options->bytes;
  tally->last_ns = now;
  bool over = now >= load->end_ns;
  if (over || load->options->kind == KIND_CONNECT) load_close(load, connection, FAILURE_NONE);
  if (over) return;
  if (load->options->kind == KIND_CONNECT) return load_open(load, connection);
  connection->began_ns = connection->progress_ns = now;
  begin(connection);
  send_message(load, connection);
}

static void receive_message(struct load *load, struct connection *connection) {
  size_t left = load->options->bytes - connection->received;
  ssize_t bytes = recv(connection->fd, message + connection->received, left, MSG_DONTWAIT);
  if (bytes == -1 && errno == EAGAIN) return;
  if (bytes == -1) return load_close(load, connection, FAILURE_RESET);
  if (bytes == 0) return load_close(load, connection, FAILURE_SHORT);
  /* What came of the head must be what was sent. */
  size_t from = connection->received, to = from + bytes;
  if (to > sizeof connection->hello) to = sizeof connection->hello;
  if (from < to && memcmp(message + from, (uint8_t *)&connection->hello + from, to - from) != 0)
    return load_close(load, connection, FAILURE_WRONG);
  connection->received += bytes;
  if (connection->received == load->options->bytes) complete(load, connection);
}

void talk_advance(struct load *load, struct connection *connection) {
  if (connection->events == EPOLLIN) return receive_message(load, connection);
  if (connection->sent == 0) begin(connection);
  send_message(load, connection);
}
