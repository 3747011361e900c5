/* Options of the load generator, and its result as one line of JSON on standard output. */
#include "client.h"
#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char usage[] =
    "usage: client --port PORT --path /PATH [options]\n"
    "  --host ADDRESS      IPv4, default 127.0.0.1\n"
    "  --connections N     kept alive, default 1\n"
    "  --pipeline N        requests that a connection may have unanswered, default 1\n"
    "  --seconds S         issue requests for so long, default 2, and finish those in flight\n"
    "  --requests N        and no more than so many\n"
    "  --rate N            requests per second on a fixed schedule; without it as fast as answers come\n"
    "  --length BYTES      what Content-Length must say\n"
    "  --header 'A: b'     a field of every request; may be repeated\n"
    "  --timeout S         silence that fails a connection, default 10\n";

static double parse_number(const char *name, const char *text, double min, double max) {
  char *end;
  double number = strtod(text, &end);
  if (end == text || *end != '\0' || !(number >= min && number <= max))
    errx(2, "--%s must be a number from %g to %g, not '%s'", name, min, max, text);
  return number;
}

/* Appends a piece of the request to a buffer that is large enough for any command line. */
static void append(char *request, size_t size, const char *piece) {
  if (strlen(request) + strlen(piece) >= size) errx(2, "the request is longer than %zu bytes", size);
  strcat(request, piece);
}

/* `count` copies of the text, back to back. */
static char *repeat(const char *text, unsigned count) {
  size_t bytes = strlen(text);
  char *copies = malloc(bytes * count);
  if (copies == NULL) err(1, "the requests");
  for (unsigned i = 0; i < count; i++) memcpy(copies + i * bytes, text, bytes);
  return copies;
}

static struct options parse_options(int argc, char **argv) {
  static const struct option names[] = {
      {"host", required_argument, NULL, 'h'},     {"port", required_argument, NULL, 'p'},
      {"path", required_argument, NULL, 'f'},     {"connections", required_argument, NULL, 'c'},
      {"pipeline", required_argument, NULL, 'd'}, {"seconds", required_argument, NULL, 's'},
      {"requests", required_argument, NULL, 'n'}, {"rate", required_argument, NULL, 'r'},
      {"length", required_argument, NULL, 'l'},   {"header", required_argument, NULL, 'e'},
      {"timeout", required_argument, NULL, 't'},  {NULL, 0, NULL, 0},
  };
  struct options options = {
      .address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
      .connections = 1,
      .pipeline = 1,
      .duration_ns = 2000000000ull,
      .timeout_ns = 10000000000ull,
      .length = -1,
  };
  const char *path = NULL;
  static char fields[4096], request[8192];
  int option, index;
  while ((option = getopt_long(argc, argv, "", names, &index)) != -1) {
    const char *name = option == '?' ? "" : names[index].name;
    switch (option) {
      case 'h':
        if (inet_pton(AF_INET, optarg, &options.address.sin_addr) != 1) errx(2, "--host must be an IPv4 address");
        break;
      case 'p': options.address.sin_port = htons(parse_number(name, optarg, 1, 65535)); break;
      case 'f': path = optarg; break;
      case 'c': options.connections = parse_number(name, optarg, 1, CONNECTIONS_MAX); break;
      case 'd': options.pipeline = parse_number(name, optarg, 1, PIPELINE_MAX); break;
      case 's': options.duration_ns = parse_number(name, optarg, 0.001, 86400) * 1e9; break;
      case 'n': options.requests_max = parse_number(name, optarg, 1, 1e15); break;
      case 'r': options.rate = parse_number(name, optarg, 0.1, 1e7); break;
      case 'l': options.length = parse_number(name, optarg, 0, 9e15); break;
      case 'e':
        append(fields, sizeof fields, optarg);
        append(fields, sizeof fields, "\r\n");
        break;
      case 't': options.timeout_ns = parse_number(name, optarg, 0.001, 3600) * 1e9; break;
      default: errx(2, "%s", usage);
    }
  }
  if (path == NULL || options.address.sin_port == 0 || optind != argc) errx(2, "%s", usage);
  char host[INET_ADDRSTRLEN], line[64];
  inet_ntop(AF_INET, &options.address.sin_addr, host, sizeof host);
  snprintf(line, sizeof line, " HTTP/1.1\r\nHost: %s:%d\r\n", host, ntohs(options.address.sin_port));
  const char *pieces[] = {"GET ", path, line, fields, "\r\n"};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) append(request, sizeof request, pieces[i]);
  options.request_bytes = strlen(request);
  options.requests = repeat(request, options.pipeline + 1);
  return options;
}

static double cpu_ms(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static void print_result(const struct tally *tally) {
  static const char *const names[FAILURES] = {"connect", "reset", "short", "protocol", "status", "length", "timeout"};
  static const struct {
    const char *name;
    double fraction;
  } percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1}};
  printf("{\"requests\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"cpuMs\":%.3f", tally->requests, tally->bytes,
         (tally->last_ns - tally->first_ns) / 1e9, cpu_ms());
  printf(",\"reconnects\":%" PRIu64 ",\"missed\":%" PRIu64 ",\"errors\":{", tally->reconnects, tally->missed);
  for (int i = 0; i < FAILURES; i++)
    printf("%s\"%s\":%" PRIu64, i == 0 ? "" : ",", names[i], tally->failures[i]);
  printf("},\"latencyUs\":{");
  for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++)
    printf("%s\"%s\":%.1f", i == 0 ? "" : ",", percentiles[i].name,
           histogram_percentile(&tally->latency_ns, percentiles[i].fraction) / 1e3);
  printf("}}\n");
}

int main(int argc, char **argv) {
  struct options options = parse_options(argc, argv);
  static struct tally tally;
  load_run(&options, &tally);
  print_result(&tally);
  free(options.requests);
}
