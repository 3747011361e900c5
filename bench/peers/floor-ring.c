/*
 * The floor for small files: the least that answering a request can cost on io_uring, as one C program on one thread.
 * It answers every request with the same bytes, the directory's only file behind a head, and looks for nothing in a
 * request but its end. It is not a server for any other use.
 *
 *   floor-ring DIRECTORY      prints `listening on http://127.0.0.1:PORT`; the kernel chooses the port
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
  ENTRIES = 1024,
  BUFFERS = 256, /* a power of two, no fewer than the load has connections; few, so that they stay in the caches */
  BUFFER_BYTES = 4096 + 64, /* whose beginnings are not all in the same set of a cache */
  GROUP = 0,
  CONNECTIONS_MAX = 4096, /* by slot: sockets are registered with the ring and never descriptors */
  RESPONSE_BYTES_MAX = 256 * 1024,
  BACKLOG = 1024,
};

/* What a completion was for, in the upper half of its user_data; the lower half is the slot. */
enum { ACCEPT, RECEIVE, SEND, CLOSE };

struct ring {
  int fd, registered; /* the place among the rings that the thread has registered */
  unsigned *sq_tail, sq_mask, *cq_head, *cq_tail, cq_mask;
  unsigned to_submit;
  struct io_uring_sqe *sqes;
  struct io_uring_cqe *cqes;
  struct io_uring_buf_ring *buffers;
  char *memory;
};

static struct ring ring;
static char response[RESPONSE_BYTES_MAX];
static size_t response_bytes;
/* By slot: how many bytes of CR LF CR LF have come, and how many bytes of answers are owed. */
static uint8_t matched[CONNECTIONS_MAX];
static uint64_t owed[CONNECTIONS_MAX];

static void read_file(const char *directory) {
  DIR *entries = opendir(directory);
  if (entries == NULL) err(1, "%s", directory);
  struct dirent *entry;
  struct stat st;
  do {
    if ((entry = readdir(entries)) == NULL) errx(1, "%s: no file to serve", directory);
  } while (fstatat(dirfd(entries), entry->d_name, &st, 0) == -1 || !S_ISREG(st.st_mode) || st.st_size > 65536);
  int fd = openat(dirfd(entries), entry->d_name, O_RDONLY | O_CLOEXEC);
  int head = snprintf(response, RESPONSE_BYTES_MAX,
                      "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %jd\r\n\r\n",
                      (intmax_t)st.st_size);
  if (fd == -1 || read(fd, response + head, st.st_size) != st.st_size) err(1, "%s", entry->d_name);
  response_bytes = head + st.st_size;
  close(fd);
  closedir(entries);
}

static void *map(size_t bytes, off_t offset) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, offset);
  if (at == MAP_FAILED) err(1, "mapping the ring");
  return at;
}

static void give_buffer(unsigned id) {
  struct io_uring_buf *buffer = &ring.buffers->bufs[ring.buffers->tail & (BUFFERS - 1)];
  buffer->addr = (uint64_t)(uintptr_t)(ring.memory + (size_t)id * BUFFER_BYTES);
  buffer->len = BUFFER_BYTES;
  buffer->bid = id;
  atomic_store_explicit((_Atomic uint16_t *)&ring.buffers->tail, ring.buffers->tail + 1, memory_order_release);
}

static void set_up_ring(void) {
  struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                            IORING_SETUP_CQSIZE,
                                   .cq_entries = 8 * ENTRIES};
  ring.fd = syscall(SYS_io_uring_setup, ENTRIES, &params);
  if (ring.fd == -1) err(1, "io_uring_setup");
  size_t sq_bytes = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  size_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  char *rings = map(sq_bytes > cq_bytes ? sq_bytes : cq_bytes, IORING_OFF_SQ_RING);
  ring.sqes = map(params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
  ring.sq_tail = (unsigned *)(rings + params.sq_off.tail);
  ring.sq_mask = params.sq_entries - 1;
  ring.cq_head = (unsigned *)(rings + params.cq_off.head);
  ring.cq_tail = (unsigned *)(rings + params.cq_off.tail);
  ring.cq_mask = params.cq_entries - 1;
  ring.cqes = (struct io_uring_cqe *)(rings + params.cq_off.cqes);
  unsigned *array = (unsigned *)(rings + params.sq_off.array);
  for (unsigned i = 0; i < params.sq_entries; i++) array[i] = i;

  ring.memory = mmap(NULL, (size_t)BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ring.buffers = mmap(NULL, BUFFERS * sizeof(struct io_uring_buf), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (ring.memory == MAP_FAILED || ring.buffers == MAP_FAILED) err(1, "buffers");
  struct io_uring_buf_reg registration = {
      .ring_addr = (uint64_t)(uintptr_t)ring.buffers, .ring_entries = BUFFERS, .bgid = GROUP};
  if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_PBUF_RING, &registration, 1) == -1)
    err(1, "registering buffers");
  for (unsigned id = 0; id < BUFFERS; id++) give_buffer(id);

  struct io_uring_rsrc_register sockets = {.nr = CONNECTIONS_MAX, .flags = IORING_RSRC_REGISTER_SPARSE};
  struct io_uring_rsrc_update place = {.offset = -1U, .data = ring.fd};
  if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES2, &sockets, sizeof sockets) == -1 ||
      syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_RING_FDS, &place, 1) != 1)
    err(1, "registering sockets and the ring");
  ring.registered = place.offset;
}

static void enter(unsigned wait_for) {
  unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING;
  int taken = syscall(SYS_io_uring_enter, ring.registered, ring.to_submit, wait_for, flags, NULL, 0);
  if (taken == -1 && errno != EINTR) err(1, "io_uring_enter");
  if (taken > 0) ring.to_submit -= taken;
}

static struct io_uring_sqe *prepare(uint8_t opcode, int slot, unsigned what) {
  while (ring.to_submit == ENTRIES) enter(0);
  unsigned tail = *ring.sq_tail;
  struct io_uring_sqe *sqe = &ring.sqes[tail & ring.sq_mask];
  *sqe = (struct io_uring_sqe){.opcode = opcode,
                               .flags = IOSQE_FIXED_FILE,
                               .fd = slot,
                               .user_data = (uint64_t)what << 32 | (unsigned)slot};
  atomic_store_explicit((_Atomic unsigned *)ring.sq_tail, tail + 1, memory_order_release);
  ring.to_submit++;
  return sqe;
}

static void receive(int slot) {
  struct io_uring_sqe *sqe = prepare(IORING_OP_RECV, slot, RECEIVE);
  sqe->ioprio = IORING_RECV_MULTISHOT;
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = GROUP;
}

/* Sends what fits of the answers that are owed: they are all the same, so the next begins where one ends. */
static void answer(int slot) {
  size_t at = (response_bytes - owed[slot] % response_bytes) % response_bytes;
  struct io_uring_sqe *sqe = prepare(IORING_OP_SEND, slot, SEND);
  sqe->addr = (uint64_t)(uintptr_t)(response + at);
  sqe->len = response_bytes - at;
  sqe->msg_flags = MSG_NOSIGNAL;
}

static void close_socket(int slot) {
  struct io_uring_sqe *sqe = prepare(IORING_OP_CLOSE, 0, CLOSE);
  sqe->flags = 0;
  sqe->file_index = slot + 1;
}

static void on_received(int slot, const struct io_uring_cqe *cqe) {
  if (cqe->flags & IORING_CQE_F_BUFFER) {
    static const char end[] = "\r\n\r\n";
    unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
    const char *bytes = ring.memory + (size_t)id * BUFFER_BYTES;
    bool idle = owed[slot] == 0;
    for (int i = 0; i < cqe->res; i++) {
      matched[slot] = bytes[i] == end[matched[slot]] ? matched[slot] + 1 : bytes[i] == '\r';
      if (matched[slot] < 4) continue;
      matched[slot] = 0;
      owed[slot] += response_bytes;
    }
    give_buffer(id);
    if (idle && owed[slot] > 0) answer(slot);
  }
  if (cqe->flags & IORING_CQE_F_MORE) return;
  if (cqe->res > 0 || cqe->res == -ENOBUFS) receive(slot);
  else close_socket(slot);
}

static void accept_all(int listener) {
  struct io_uring_sqe *sqe = prepare(IORING_OP_ACCEPT, listener, ACCEPT);
  sqe->flags = 0;
  sqe->ioprio = IORING_ACCEPT_MULTISHOT;
  sqe->file_index = IORING_FILE_INDEX_ALLOC;
}

static void on_accepted(int listener, const struct io_uring_cqe *cqe) {
  if (cqe->res == -ENFILE) errx(1, "more than %d connections", CONNECTIONS_MAX);
  if (!(cqe->flags & IORING_CQE_F_MORE)) accept_all(listener);
  if (cqe->res < 0) return;
  matched[cqe->res] = 0;
  owed[cqe->res] = 0;
  receive(cqe->res);
}

int main(int argc, char **argv) {
  if (argc != 2) errx(2, "usage: floor-ring DIRECTORY");
  read_file(argv[1]);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  /* Connections inherit TCP_NODELAY. */
  if (listener == -1 || setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1 ||
      bind(listener, (struct sockaddr *)&address, length) == -1 ||
      listen(listener, BACKLOG) == -1 || getsockname(listener, (struct sockaddr *)&address, &length) == -1)
    err(1, "listening on 127.0.0.1");
  set_up_ring();
  accept_all(listener);
  printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    enter(1);
    unsigned head = *ring.cq_head;
    unsigned tail = atomic_load_explicit((_Atomic unsigned *)ring.cq_tail, memory_order_acquire);
    for (; head != tail; head++) {
      struct io_uring_cqe cqe = ring.cqes[head & ring.cq_mask];
      int slot = (int)(uint32_t)cqe.user_data;
      switch (cqe.user_data >> 32) {
        case ACCEPT: on_accepted(slot, &cqe); break;
        case RECEIVE: on_received(slot, &cqe); break;
        case SEND:
          if (cqe.res <= 0) break; /* the end is received as well */
          owed[slot] -= cqe.res;
          if (owed[slot] > 0) answer(slot);
      }
    }
    atomic_store_explicit((_Atomic unsigned *)ring.cq_head, head, memory_order_release);
  }
}
