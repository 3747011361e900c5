#include "histogram.h"

enum { STEPS = 1 << HISTOGRAM_STEP_BITS };

/* Values below 64 have a bucket each; above, each power of two has 64 buckets of equal width. */
static unsigned bucket_of(uint64_t value) {
  if (value < STEPS) return value;
  unsigned power = 63 - __builtin_clzll(value) - HISTOGRAM_STEP_BITS;
  if (power >= HISTOGRAM_POWERS) return HISTOGRAM_BUCKETS - 1;
  return ((power + 1) << HISTOGRAM_STEP_BITS) + (value >> power) - STEPS;
}

/* The largest value that falls into a bucket. */
static uint64_t bucket_top(unsigned bucket) {
  if (bucket < STEPS) return bucket;
  unsigned power = (bucket >> HISTOGRAM_STEP_BITS) - 1;
  uint64_t step = (bucket & (STEPS - 1)) + STEPS;
  return ((step + 1) << power) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t value) {
  histogram->counts[bucket_of(value)]++;
  histogram->total++;
  if (value > histogram->largest) histogram->largest = value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double fraction) {
  uint64_t seen = 0;
  for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    seen += histogram->counts[bucket];
    if (seen == 0 || seen < fraction * histogram->total) continue;
    uint64_t top = bucket_top(bucket);
    return top < histogram->largest ? top : histogram->largest;
  }
  return histogram->largest;
}
