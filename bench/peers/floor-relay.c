/*
 * The floor of a proxy: accept, connect, and splice(2) each way through a pipe of 1 MiB, as one C program on one
 * thread and edge-triggered epoll. It knows one upstream, decides nothing, and has no time limits.
 *
 *   floor-relay PORT     prints `listening on 127.0.0.1:PORT`; the kernel chooses the port
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  PIPE_BYTES = 1 << 20,
  STEP_BYTES = 8 << 20, /* what goes one way before others have their turn */
  KEPT_MAX = 256,       /* empty pipes that nobody uses */
  EVENTS_MAX = 256,
  BACKLOG = 4096,
};

struct pipe {
  int out, in;
};

struct way {
  int from, to;
  struct pipe pipe;
  size_t held; /* bytes in the pipe */
  bool ended;
};

/* Both sockets, and so both events of a turn, belong to one pair; a pair that is over is freed when the turn is. */
struct pair {
  struct way ways[2];
  bool over;
  bool busy;         /* it has more to do, and is in that list */
  struct pair *next; /* among those that are busy, or over */
};

static struct pipe kept[KEPT_MAX];
static int kept_count;
static int epoll;
static struct pair *busy, *gone;

static struct pipe take_pipe(void) {
  int ends[2];
  if (kept_count > 0) return kept[--kept_count];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1) err(1, "pipe2");
  fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
  return (struct pipe){.out = ends[0], .in = ends[1]};
}

static void give_pipe(struct way *way) {
  if (way->held == 0 && kept_count < KEPT_MAX) {
    kept[kept_count++] = way->pipe;
    return;
  }
  close(way->pipe.out);
  close(way->pipe.in);
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

static void add(int fd, struct pair *pair) {
  int on = 1;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = pair};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1) err(1, "epoll_ctl");
}

static void accept_all(int listener, const struct sockaddr_in *upstream) {
  int client;
  while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
    struct pair *pair = calloc(1, sizeof *pair);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (pair == NULL || server == -1) err(1, "a connection");
    pair->ways[0] = (struct way){.from = client, .to = server, .pipe = take_pipe()};
    pair->ways[1] = (struct way){.from = server, .to = client, .pipe = take_pipe()};
    connect(server, (const struct sockaddr *)upstream, sizeof *upstream); /* what comes of it the first splice tells */
    add(client, pair);
    add(server, pair);
  }
}

/* What splice failed with: nothing now, or not connected yet. */
static bool waits(void) {
  return errno == EAGAIN || errno == ENOTCONN;
}

/* Goes as far as both sockets let it: 1 (there is more), 0 (it waits, or has ended) or -1 (failed). */
static int advance(struct way *way) {
  for (size_t moved = 0; moved < STEP_BYTES;) {
    if (way->held == 0 && way->ended) return 0;
    if (way->held == 0) {
      ssize_t taken = splice(way->from, NULL, way->pipe.in, NULL, PIPE_BYTES, SPLICE_F_NONBLOCK);
      if (taken == -1) return waits() ? 0 : -1;
      if (taken == 0) {
        way->ended = true;
        return shutdown(way->to, SHUT_WR);
      }
      way->held = taken;
    }
    ssize_t given = splice(way->pipe.out, NULL, way->to, NULL, way->held, SPLICE_F_NONBLOCK);
    if (given == -1) return waits() ? 0 : -1;
    way->held -= given;
    moved += given;
  }
  return 1;
}

static void run(struct pair *pair) {
  if (pair->over || pair->busy) return;
  int there = advance(&pair->ways[0]);
  int back = there == -1 ? -1 : advance(&pair->ways[1]);
  bool ended = pair->ways[0].ended && pair->ways[1].ended;
  pair->over = back == -1 || (ended && pair->ways[0].held == 0 && pair->ways[1].held == 0);
  pair->busy = !pair->over && (there == 1 || back == 1);
  if (!pair->over && !pair->busy) return;
  struct pair **list = pair->over ? &gone : &busy;
  pair->next = *list;
  *list = pair;
}

static void free_gone(void) {
  while (gone != NULL) {
    struct pair *pair = gone;
    gone = pair->next;
    close(pair->ways[0].from);
    close(pair->ways[0].to);
    give_pipe(&pair->ways[0]);
    give_pipe(&pair->ways[1]);
    free(pair);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) errx(2, "usage: floor-relay PORT");
  signal(SIGPIPE, SIG_IGN); /* splice has no MSG_NOSIGNAL */
  struct sockaddr_in upstream = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  upstream.sin_port = htons(atoi(argv[1]));
  uint16_t port;
  int listener = listen_somewhere(&port);
  struct epoll_event events[EVENTS_MAX], listening = {.events = EPOLLIN, .data.ptr = NULL};
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll == -1 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening) == -1) err(1, "epoll");
  printf("listening on 127.0.0.1:%d\n", port);
  fflush(stdout);
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS_MAX, busy == NULL ? -1 : 0);
    if (count == -1 && errno != EINTR) err(1, "epoll_wait");
    struct pair *again = busy;
    busy = NULL;
    while (again != NULL) {
      struct pair *pair = again;
      again = pair->next;
      pair->busy = false;
      run(pair);
    }
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL) accept_all(listener, &upstream);
      else run(events[i].data.ptr);
    }
    free_gone();
  }
}
