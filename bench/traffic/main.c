/* Options of either end, and the load's result as one line of JSON on standard output. */
#include "traffic.h"
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char usage[] =
    "usage: traffic upstream\n"
    "       traffic send|receive|exchange|connect --port PORT [options]\n"
    "  --connections N  at once, default 1\n"
    "  --bytes N        of a message, 16 to 65536, default 64\n"
    "  --stream N       of send: bytes of a stream, after which comes the next; default: one for the whole time\n"
    "  --seconds S      begin nothing after so long, default 1\n"
    "  --timeout S      silence that fails a connection, default 10\n";

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static double parse_number(const char *name, const char *text, double min, double max) {
  char *end;
  double number = strtod(text, &end);
  if (end == text || *end != '\0' || !(number >= min && number <= max))
    errx(2, "--%s must be a number from %g to %g, not '%s'", name, min, max, text);
  return number;
}

static enum kind parse_kind(const char *name) {
  static const char *const names[] = {"send", "receive", "exchange", "connect"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return KIND_SEND + i;
  errx(2, "%s", usage);
}

static struct options parse_options(int argc, char **argv) {
  static const struct option names[] = {
      {"port", required_argument, NULL, 'p'},    {"connections", required_argument, NULL, 'c'},
      {"bytes", required_argument, NULL, 'b'},   {"seconds", required_argument, NULL, 's'},
      {"timeout", required_argument, NULL, 't'}, {"stream", required_argument, NULL, 'l'},
      {NULL, 0, NULL, 0},
  };
  struct options options = {
      .address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
      .kind = parse_kind(argv[0]),
      .connections = 1,
      .bytes = 64,
      .duration_ns = 1000000000ull,
      .timeout_ns = 10000000000ull,
  };
  int option, index;
  while ((option = getopt_long(argc, argv, "", names, &index)) != -1) {
    const char *name = option == '?' ? "" : names[index].name;
    switch (option) {
      case 'p': options.address.sin_port = htons(parse_number(name, optarg, 1, 65535)); break;
      case 'c': options.connections = parse_number(name, optarg, 1, CONNECTIONS_MAX); break;
      case 'b': options.bytes = parse_number(name, optarg, sizeof(struct hello), MESSAGE_MAX); break;
      case 'l': options.stream_bytes = parse_number(name, optarg, sizeof(struct hello), 1e15); break;
      case 's': options.duration_ns = parse_number(name, optarg, 0.001, 86400) * 1e9; break;
      case 't': options.timeout_ns = parse_number(name, optarg, 0.001, 3600) * 1e9; break;
      default: errx(2, "%s", usage);
    }
  }
  if (options.address.sin_port == 0 || optind != argc) errx(2, "%s", usage);
  return options;
}

static double cpu_ms(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static void print_result(const struct tally *tally) {
  static const char *const names[FAILURES] = {"connect", "reset", "short", "wrong", "timeout"};
  static const struct {
    const char *name;
    double fraction;
  } percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
  printf("{\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"cpuMs\":%.3f,\"errors\":{", tally->messages,
         tally->bytes, (tally->last_ns - tally->first_ns) / 1e9, cpu_ms());
  for (int i = 0; i < FAILURES; i++)
    printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", names[i], tally->failures[i]);
  printf("},\"latencyUs\":{");
  for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
    printf("%s\"%s\":%.1f", i == 0 ? "" : ",", percentiles[i].name,
           histogram_percentile(&tally->latency_ns, percentiles[i].fraction) / 1e3);
  printf("}}\n");
}

int main(int argc, char **argv) {
  if (argc < 2) errx(2, "%s", usage);
  signal(SIGPIPE, SIG_IGN);
  if (argc == 2 && strcmp(argv[1], "upstream") == 0) upstream_run();
  struct options options = parse_options(argc - 1, argv + 1);
  static struct tally tally;
  load_run(&options, &tally);
  print_result(&tally);
}
