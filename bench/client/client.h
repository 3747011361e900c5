/*
 * The load generator: keep-alive connections on one epoll, answers counted strictly by Content-Length, bodies
 * thrown away by the kernel (recv with MSG_TRUNC, tcp(7)) so that the client is not what is measured.
 *
 *   main.c        options, and the result as one line of JSON
 *   load.c        when a request is issued: as fast as answers come, or at a fixed rate
 *   connection.c  one connection: requests out, responses in, what can go wrong
 *   response.c    the head of a response
 *   histogram.c   latencies
 */
#ifndef CLIENT_H
#define CLIENT_H
#include "histogram.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  CONNECTIONS_MAX = 16384,
  PIPELINE_MAX = 64,
  HEAD_BYTES = 16384, /* of a response, and what is read of its body along with it */
};

struct options {
  struct sockaddr_in address;
  char *requests;       /* pipeline + 1 copies of the request, so that any part of any of them is one send */
  size_t request_bytes; /* of one copy */
  unsigned connections;
  unsigned pipeline;   /* requests that a connection may have unanswered */
  uint64_t requests_max;
  uint64_t duration_ns; /* after it no request is issued; those in flight are finished */
  uint64_t timeout_ns;  /* a connection that owes answers and sends nothing for so long has failed */
  double rate;          /* requests per second on a fixed schedule; 0: as fast as answers come */
  int64_t length;       /* what Content-Length must say; -1: anything */
};

enum failure {
  FAILURE_CONNECT,  /* the connection was refused, or not accepted in time */
  FAILURE_RESET,    /* the peer reset it with answers due */
  FAILURE_SHORT,    /* the peer closed it inside a response, or without any */
  FAILURE_PROTOCOL, /* no HTTP/1.1 head with a Content-Length, or bytes that nobody asked for */
  FAILURE_STATUS,   /* anything but 2xx and 304 */
  FAILURE_LENGTH,   /* a Content-Length other than expected */
  FAILURE_TIMEOUT,
  FAILURES,
  FAILURE_NONE = FAILURES,
};

struct tally {
  uint64_t requests;   /* answered in full */
  uint64_t bytes;      /* of their bodies */
  uint64_t reconnects; /* the server closed in good order, with `Connection: close` or between responses */
  uint64_t missed;     /* due by schedule, never issued because every connection was busy */
  uint64_t failures[FAILURES];
  uint64_t first_ns, last_ns; /* the first request issued, the last answer complete */
  struct histogram latency_ns;
};

struct response {
  unsigned status;
  int64_t length; /* Content-Length; -1 where there is none, or none that can be trusted */
  bool closes;
};

struct connection {
  int fd; /* -1 where connecting failed: it is out of the run */
  /* The requests not yet answered, oldest first, by the time that their latency counts from. */
  uint64_t started_ns[PIPELINE_MAX];
  unsigned oldest, pending;
  size_t unsent_bytes;
  bool waits_to_send;
  char head[HEAD_BYTES];
  size_t head_used;
  bool in_body;
  uint64_t body_bytes, body_left;
  bool closes;
  bool answered; /* a response has come since it was opened */
  uint64_t progress_ns;
};

uint64_t now_ns(void);

/* Reads the head that the first `bytes` bytes are; false where it is none of HTTP/1.1. */
bool response_parse(const char *head, size_t bytes, struct response *response);

/* Opens a connection and sends what is pending on it (again). A refusal is counted and ends it for good. */
void connection_open(struct connection *connection, int epoll, const struct options *options, struct tally *tally);

/* Puts a request in the queue; connection_send hands the queue to the kernel. There must be room. */
void connection_add(struct connection *connection, const struct options *options, uint64_t started_ns);
void connection_send(struct connection *connection, int epoll, const struct options *options);

/* Reads what is there. Failures are counted, and the connection is opened anew for the requests that remain. */
void connection_receive(struct connection *connection, int epoll, const struct options *options, struct tally *tally);

/* Counts the oldest request as failed and opens the connection anew. */
void connection_fail(struct connection *connection, int epoll, const struct options *options, struct tally *tally,
                     enum failure failure);

/* Runs the load to its end. */
void load_run(const struct options *options, struct tally *tally);
#endif
