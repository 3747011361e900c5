/*
 * What goes through a proxy in the trial of proxies: both ends of it, on one epoll each. Bulk is sent as ordinary
 * programs send it, by send(2), and thrown away by the kernel where it arrives (recv with MSG_TRUNC, tcp(7)), so that
 * the ends leave the proxy as much as they can to do.
 *
 *   main.c      options, and the result as one line of JSON
 *   upstream.c  the end behind the proxy: takes bytes, sends them, or gives messages back
 *   load.c      the end before it: connections, until when, and what can go wrong
 *   stream.c    bulk, either way, counted to the byte at both ends
 *   talk.c      messages that are answered, over connections that stay or are new each time
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H
#include "../client/histogram.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CONNECTIONS_MAX = 4096,
  MESSAGE_MAX = 65536,
  PIECE_BYTES = 131072,     /* of bulk, in one system call */
  STEP_BYTES = 8 * 131072,  /* of bulk, before others have their turn */
  EVENTS_MAX = 256,
};

enum kind {
  KIND_SEND = 1, /* the client sends until it shuts down; the upstream then says how many bytes came */
  KIND_RECEIVE,  /* the upstream sends until the client shuts down, and then how many bytes that was */
  KIND_EXCHANGE, /* a message is answered by the same message; the client then sends the next */
  KIND_CONNECT,  /* the same, once for each connection */
};

/* The first bytes of every connection, which count like all others; of KIND_EXCHANGE the first of every message. */
struct hello {
  uint32_t kind;
  uint32_t bytes;  /* of a message */
  uint64_t number; /* of the message: an old answer is not taken for a new one */
};

/* What the end that received, or sent, all bytes says last. */
typedef uint64_t count;

struct options {
  struct sockaddr_in address;
  enum kind kind;
  unsigned connections;
  uint32_t bytes;
  uint64_t stream_bytes; /* of KIND_SEND: each ends after so many, and the next begins; 0: one for the whole time */
  uint64_t duration_ns; /* after it nothing is begun; what is in flight is finished */
  uint64_t timeout_ns;  /* a connection on which nothing moves for so long has failed */
};

enum failure {
  FAILURE_CONNECT, /* refused */
  FAILURE_RESET,
  FAILURE_SHORT,   /* the peer closed it with something still due */
  FAILURE_WRONG,   /* other bytes, or another number of bytes, than were sent */
  FAILURE_TIMEOUT,
  FAILURES,
  FAILURE_NONE = FAILURES,
};

struct tally {
  uint64_t messages; /* answered in full; streams where they are of a given length */
  uint64_t bytes;    /* of bulk, or of messages in one direction */
  uint64_t failures[FAILURES];
  uint64_t first_ns, last_ns; /* the beginning, and the end of the last message or stream */
  struct histogram latency_ns;
};

struct connection {
  int fd; /* -1: it has ended */
  uint32_t events;
  uint64_t progress_ns;
  /* Of a stream. */
  uint64_t moved;
  bool draining; /* the client has shut down */
  /* Of messages: what of the present one is out and back, and when it began. */
  uint32_t sent, received;
  uint64_t began_ns;
  struct hello hello;
  uint8_t last[sizeof(count)]; /* the last bytes that came */
  uint32_t last_bytes;
};

struct load {
  const struct options *options;
  struct tally *tally;
  struct connection *connections;
  int epoll;
  uint64_t end_ns;
};

uint64_t now_ns(void);

/* Sets what is waited for on a connection, where that is not so already. */
void load_watch(struct load *load, struct connection *connection, uint32_t events);

/* Connects, without waiting for it. A refusal at once is counted, and the connection has ended. */
void load_open(struct load *load, struct connection *connection);

/* The connection has done its part, or failed, which is counted. */
void load_close(struct load *load, struct connection *connection, enum failure failure);

void load_run(const struct options *options, struct tally *tally);

/* Go as far as the socket lets them, within bounds. */
void stream_advance(struct load *load, struct connection *connection);
void talk_advance(struct load *load, struct connection *connection);

/* Shuts a stream down; what is in flight still comes. */
void stream_stop(struct load *load, struct connection *connection);

/* Listens on a port of the kernel's choice, says which, and serves until it is killed. */
void upstream_run(void);
#endif
