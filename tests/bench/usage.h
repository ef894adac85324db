/* usage.h - what a program has used up, as the programs of the benchmark print it. */
#ifndef EXG_BENCH_USAGE_H
#define EXG_BENCH_USAGE_H

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct {
    double seconds, cpu_seconds;
} BenchUsage;

static inline double
bench_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline BenchUsage
bench_usage_now(void)
{
    return (BenchUsage){bench_clock(CLOCK_MONOTONIC), bench_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

/* The most memory that was resident. (getrusage() would count what the process had before exec.) */
static inline long
bench_peak_kib(void)
{
    g_autofree char *status = NULL;
    g_file_get_contents("/proc/self/status", &status, NULL, NULL);
    const char *line = status != NULL ? strstr(status, "VmHWM:") : NULL;
    return line != NULL ? (long)g_ascii_strtoll(line + strlen("VmHWM:"), NULL, 10) : 0;
}

/* "seconds cpu-seconds peak-KiB" */
static inline void
bench_usage_print_since(const BenchUsage *begun)
{
    BenchUsage now = bench_usage_now();
    printf("%.6f %.6f %ld", now.seconds - begun->seconds, now.cpu_seconds - begun->cpu_seconds,
           bench_peak_kib());
}

#endif
