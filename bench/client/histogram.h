/* Latencies counted in buckets whose width grows with the value: percentiles to within 1/64, in constant memory. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H
#include <stdint.h>

enum {
  HISTOGRAM_STEP_BITS = 6, /* 64 steps per power of two */
  HISTOGRAM_POWERS = 36,   /* up to 2^42 ns, over an hour */
  HISTOGRAM_BUCKETS = (HISTOGRAM_POWERS + 1) << HISTOGRAM_STEP_BITS,
};

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
  uint64_t total;
  uint64_t largest;
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The value that `fraction` of all values do not exceed (0.99: the 99th percentile); 0 where there is none. */
uint64_t histogram_percentile(const struct histogram *histogram, double fraction);
#endif
