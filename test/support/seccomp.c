/*
 * Runs a command under a seccomp filter that refuses some system calls, as a container's does:
 *   seccomp EPERM|ENOSYS|KILL name[,name…] command [argument…]
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
  const char *name;
  int number;
} calls[] = {
    {"copy_file_range", SYS_copy_file_range},
    {"io_uring_enter", SYS_io_uring_enter},
    {"io_uring_register", SYS_io_uring_register},
    {"io_uring_setup", SYS_io_uring_setup},
    {"memfd_create", SYS_memfd_create},
    {"openat2", SYS_openat2},
    {"sendfile", SYS_sendfile},
    {"splice", SYS_splice},
    {"tee", SYS_tee},
    {"vmsplice", SYS_vmsplice},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

int main(int argc, char **argv) {
  struct sock_filter filter[2 * CALLS + 2];
  unsigned short length = 0;
  if (argc < 4) return fprintf(stderr, "seccomp: see the first lines of its source\n"), 2;
  unsigned refusal = strcmp(argv[1], "KILL") == 0     ? SECCOMP_RET_KILL_PROCESS
                     : strcmp(argv[1], "ENOSYS") == 0 ? SECCOMP_RET_ERRNO | ENOSYS
                                                      : SECCOMP_RET_ERRNO | EPERM;
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (char *name = strtok(argv[2], ","); name != NULL; name = strtok(NULL, ",")) {
    int i = 0;
    while (i < CALLS && strcmp(calls[i].name, name) != 0) i++;
    if (i == CALLS) return fprintf(stderr, "seccomp: unknown call %s\n", name), 2;
    filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, refusal);
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = length, .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
    return perror("seccomp"), 2;
  execvp(argv[3], argv + 3);
  return perror(argv[3]), 2;
}
