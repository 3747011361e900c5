/*
 * The floor: the least that serving a file over HTTP can cost, as one C program on one thread. It opens every file
 * of a directory once, prepares the heads, and answers a request with send(MSG_MORE) and sendfile(2) on
 * edge-triggered epoll. It checks no more of a request than its name and is not a server for any other use.
 *
 *   floor DIRECTORY      prints `listening on http://127.0.0.1:PORT`; the kernel chooses the port
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  FILES_MAX = 16,      /* a trial serves a handful */
  NAME_BYTES = 64,     /* with the zero that ends it */
  HEAD_BYTES = 160,    /* the head below with its longest number */
  REQUEST_BYTES = 4096, /* several pipelined requests of the load generator */
  EVENTS_MAX = 256,
  BACKLOG = 1024,
};

struct file {
  int fd;
  off_t bytes;
  char name[NAME_BYTES];
  char head[HEAD_BYTES];
  size_t head_bytes;
};

struct connection {
  int fd;
  const struct file *file; /* being sent, or NULL */
  size_t head_sent;
  off_t offset;
  size_t received;
  char request[REQUEST_BYTES];
};

static struct file files[FILES_MAX];
static size_t files_count;

static void open_files(const char *directory) {
  DIR *entries = opendir(directory);
  if (entries == NULL) err(1, "%s", directory);
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    struct stat st;
    if (fstatat(dirfd(entries), entry->d_name, &st, 0) == -1 || !S_ISREG(st.st_mode)) continue;
    if (files_count == FILES_MAX || strlen(entry->d_name) >= NAME_BYTES)
      errx(1, "%s: more than %d files, or a name of %d bytes", directory, FILES_MAX, NAME_BYTES);
    struct file *file = &files[files_count++];
    file->fd = openat(dirfd(entries), entry->d_name, O_RDONLY | O_CLOEXEC);
    if (file->fd == -1) err(1, "%s/%s", directory, entry->d_name);
    file->bytes = st.st_size;
    strcpy(file->name, entry->d_name);
    file->head_bytes = snprintf(file->head, HEAD_BYTES,
                                "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                                "Content-Length: %jd\r\n\r\n",
                                (intmax_t)st.st_size);
  }
  closedir(entries);
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

static void accept_all(int epoll, int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) return;
    int on = 1;
    /* Else Nagle's algorithm would hold back the end of a response until its beginning is acknowledged. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) err(1, "a connection");
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == -1) err(1, "epoll_ctl");
  }
}

/* Takes the first whole request out of the buffer and sets the file to send: 1, 0 (not whole yet) or -1 (refused). */
static int take_request(struct connection *connection) {
  char *end = memmem(connection->request, connection->received, "\r\n\r\n", 4);
  if (end == NULL) return connection->received == REQUEST_BYTES ? -1 : 0;
  const char *name = connection->request + strlen("GET /");
  const char *space = name < end ? memchr(name, ' ', end - name) : NULL;
  if (space == NULL) return -1;
  size_t name_bytes = space - name;
  for (size_t i = 0; i < files_count; i++) {
    if (strlen(files[i].name) != name_bytes || memcmp(name, files[i].name, name_bytes) != 0) continue;
    size_t taken = end + 4 - connection->request;
    connection->received -= taken;
    memmove(connection->request, end + 4, connection->received);
    connection->file = &files[i];
    connection->head_sent = 0;
    connection->offset = 0;
    return 1;
  }
  return -1;
}

/* Sends what the socket takes of the response: 1 (all of it), 0 (the socket is full) or -1 (the peer is gone). */
static int send_response(struct connection *connection) {
  const struct file *file = connection->file;
  while (connection->head_sent < file->head_bytes) {
    ssize_t sent = send(connection->fd, file->head + connection->head_sent, file->head_bytes - connection->head_sent,
                        MSG_MORE | MSG_NOSIGNAL);
    if (sent == -1) return errno == EAGAIN ? 0 : -1;
    connection->head_sent += sent;
  }
  while (connection->offset < file->bytes) {
    ssize_t sent = sendfile(connection->fd, file->fd, &connection->offset, file->bytes - connection->offset);
    if (sent == -1) return errno == EAGAIN ? 0 : -1;
    if (sent == 0) return -1; /* the file shrank */
  }
  connection->file = NULL;
  return 1;
}

/* Goes as far as the socket lets it; false where the connection has ended. */
static bool advance(struct connection *connection) {
  bool drained = false;
  for (;;) {
    if (connection->file != NULL) {
      int sent = send_response(connection);
      if (sent <= 0) return sent == 0;
    }
    int taken = connection->received > 0 ? take_request(connection) : 0;
    if (taken == -1) return false;
    if (taken == 1) continue;
    if (drained) return true;
    size_t room = REQUEST_BYTES - connection->received;
    ssize_t got = recv(connection->fd, connection->request + connection->received, room, 0);
    if (got == -1) return errno == EAGAIN;
    if (got == 0) return false;
    connection->received += got;
    /* A short read has emptied the socket: what comes later is a new edge, and need not be asked for now. */
    drained = (size_t)got < room;
  }
}

int main(int argc, char **argv) {
  if (argc != 2) errx(2, "usage: floor DIRECTORY");
  signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */
  open_files(argv[1]);
  uint16_t port;
  int listener = listen_somewhere(&port);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event listening = {.events = EPOLLIN, .data.ptr = NULL};
  if (epoll == -1 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &listening) == -1) err(1, "epoll");
  printf("listening on http://127.0.0.1:%d\n", port);
  fflush(stdout);
  for (;;) {
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
    if (count == -1 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection == NULL) {
        accept_all(epoll, listener);
      } else if (!advance(connection)) {
        close(connection->fd);
        free(connection);
      }
    }
  }
}
