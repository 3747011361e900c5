/*
 * SIGBUS on a mapped file, whose page is gone because somebody truncated the file or because the disk failed
 * (mmap(2)). Unhandled it ends the process. Here the mapping is marked, and zeros take the place of its bytes from
 * that page to its end, for good: the instruction is run again and reads a zero.
 *
 * Signal handlers belong to the process, so this is the one file of the addon with state that all environments
 * share. The library is therefore never unloaded (Makefile).
 *
 * What the handler may use. It can run on any thread, at any instruction that touches a mapping. So it takes no lock
 * and allocates nothing: it reads a fixed table of atomics and calls mmap(2), which POSIX does not list as safe in
 * handlers, but which on Linux is one system call without state in the C library. `errno` is put back.
 *
 * Unmapping while a handler runs on another thread. The handler must not put zeros where a mapping was a moment ago:
 * the addresses may be somebody else's by then. It counts itself into `searching` before it reads the table and out
 * after mmap(2). Whoever unmaps first clears the entry, then waits until it has seen `searching` at zero. All of this
 * is sequentially consistent: a handler either finds the entry cleared, or is seen and waited for. The wait holds the
 * lock that new entries need, so an entry that a handler has half read is never written anew.
 *
 * Handlers of others. What is not a missing page of ours goes to the handler that was there before. V8 and Node
 * have one for SIGSEGV only, on Linux; a program's process.on('SIGBUS') is libuv's, and crash reporters have theirs.
 * One that is installed later may pass on to ours, or not. So each new mapping looks whether ours is still the first,
 * and if not puts itself in front, as another function with another predecessor: whoever passes on to the former one
 * reaches the end of the chain, not a circle.
 *
 * Not a signal: system calls that are handed a missing page, such as write(2), fail with EFAULT.
 */
#include "sluice.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Mappings that are guarded at once, in all threads: the handler looks through them one by one. */
#define GUARDS_MAX 4096
/* How often ours goes in front of another's handler; after that the other is trusted to pass on. */
#define HANDLERS_MAX 4

/*
 * Free where `start` is 0; `end` is written only while it is. From `zeros` to `end` there are zeros already. All are
 * page boundaries.
 */
typedef struct {
  atomic_uintptr_t start;
  atomic_uintptr_t end;
  atomic_uintptr_t zeros;
  atomic_bool tripped;
} guard;

static guard guards[GUARDS_MAX];
/* Entries from here on were never used. */
static atomic_int guards_used;
/* Handlers that are reading the table now. */
static atomic_uint searching;
/* Held by whoever changes the table or installs a handler; never by a handler. */
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
/* What each of our handlers has taken the place of; written before the handler is installed. */
static struct sigaction previous[HANDLERS_MAX];
static int handlers_used;
static uintptr_t page_bytes;

static bool put_zeros(uintptr_t from, uintptr_t to) {
  const int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  return mmap((void *)from, to - from, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED;
}

/*
 * Zeros from the page of `address` to where there are some already, so that what is missing is one mapping for the
 * kernel however it is read. Where the kernel's limit on mappings forbids a second one, zeros everywhere.
 */
static bool fill(guard *self, uintptr_t start, uintptr_t address, uintptr_t end) {
  uintptr_t page = address & ~(page_bytes - 1);
  uintptr_t zeros = atomic_load(&self->zeros);
  if (page >= zeros) return true; /* Another thread met the same page. */
  if (!put_zeros(page, zeros)) {
    page = start;
    if (!put_zeros(page, end)) return false;
  }
  while (page < zeros && !atomic_compare_exchange_weak(&self->zeros, &zeros, page)) continue;
  return true;
}

/* Whether the address was in one of the mappings, which then has zeros there. */
static bool find_and_fill(uintptr_t address) {
  bool filled = false;
  atomic_fetch_add(&searching, 1);
  int count = atomic_load(&guards_used);
  for (int i = 0; i < count; i++) {
    uintptr_t start = atomic_load(&guards[i].start);
    if (start == 0 || address < start) continue;
    uintptr_t end = atomic_load(&guards[i].end);
    if (address >= end) continue;
    /* First the mark: whoever sees a zero sees the mark too. */
    atomic_store(&guards[i].tripped, true);
    filled = fill(&guards[i], start, address, end);
    break;
  }
  atomic_fetch_sub(&searching, 1);
  return filled;
}

/* The default action: the same signal once more, which comes as soon as the handler has returned. */
static void die(int signal, siginfo_t *info) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(signal, &action, NULL);
  /* rt_tgsigqueueinfo(2): to oneself also with the kernel's own si_code, so that a core dump tells the address. */
  if (syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), signal, info) == -1) raise(signal);
}

static void pass_on(const struct sigaction *action, int signal, siginfo_t *info, void *context) {
  /* As in the kernel: a signal that somebody sent can be ignored, a fault cannot. */
  bool sent = info->si_code <= 0;
  if (action->sa_handler == SIG_IGN && sent) return;
  if (action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN)
    die(signal, info);
  else if ((action->sa_flags & SA_SIGINFO) != 0)
    action->sa_sigaction(signal, info, context);
  else
    action->sa_handler(signal);
}

static void handle(int handler, int signal, siginfo_t *info, void *context) {
  int before = errno;
  /* Only BUS_ADRERR has an address of a missing page; a signal from kill(2) has none at all. */
  bool filled = info->si_code == BUS_ADRERR && find_and_fill((uintptr_t)info->si_addr);
  errno = before;
  if (!filled) pass_on(&previous[handler], signal, info, context);
}

#define HANDLER(index) \
  static void handler_##index(int signal, siginfo_t *info, void *context) { handle(index, signal, info, context); }
HANDLER(0)
HANDLER(1)
HANDLER(2)
HANDLER(3)
static void (*const handlers[HANDLERS_MAX])(int, siginfo_t *, void *) = {handler_0, handler_1, handler_2, handler_3};

static bool is_ours(const struct sigaction *action) {
  for (int i = 0; i < HANDLERS_MAX; i++) {
    if ((action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == handlers[i]) return true;
  }
  return false;
}

/* Sees to it that ours is the first handler → 0 or -errno. Under the lock. */
static int install(void) {
  struct sigaction now;
  page_bytes = sysconf(_SC_PAGESIZE);
  if (sigaction(SIGBUS, NULL, &now) == -1) return -errno;
  if (is_ours(&now)) return 0;
  /* Nobody's: nobody passes on to what was installed earlier, so that counts no more. */
  if (now.sa_handler == SIG_DFL) handlers_used = 0;
  if (handlers_used == HANDLERS_MAX) return 0;
  previous[handlers_used] = now;
  /* As the one before, whose work it does too; on the thread's alternate stack where it has one. */
  struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | (now.sa_flags & SA_NODEFER),
                             .sa_mask = now.sa_mask,
                             .sa_sigaction = handlers[handlers_used]};
  if (sigaction(SIGBUS, &action, NULL) == -1) return -errno;
  handlers_used++;
  return 0;
}

/* An entry that is free, or -ENOSPC. Under the lock. */
static int find_free(void) {
  for (int i = 0; i < GUARDS_MAX; i++) {
    if (atomic_load(&guards[i].start) == 0) return i;
  }
  return -ENOSPC;
}

int fault_guard(void *address, size_t length) {
  pthread_mutex_lock(&changing);
  int index = install();
  if (index == 0) index = find_free();
  if (index >= 0) {
    guard *self = &guards[index];
    uintptr_t end = ((uintptr_t)address + length + page_bytes - 1) & ~(page_bytes - 1);
    atomic_store(&self->tripped, false);
    atomic_store(&self->zeros, end);
    atomic_store(&self->end, end);
    atomic_store(&self->start, (uintptr_t)address);
    if (index >= atomic_load(&guards_used)) atomic_store(&guards_used, index + 1);
  }
  pthread_mutex_unlock(&changing);
  return index;
}

bool fault_tripped(int index) {
  return atomic_load(&guards[index].tripped);
}

void fault_unguard(int index) {
  pthread_mutex_lock(&changing);
  atomic_store(&guards[index].start, 0);
  while (atomic_load(&searching) != 0) sched_yield();
  pthread_mutex_unlock(&changing);
}
