/*
 * process_stats: what the kernel says of this process, from /proc/self. Any
 * thread; a few files are read each time.
 */
#ifndef GATEWAY_PROCESS_PROCESS_STATS_H
#define GATEWAY_PROCESS_PROCESS_STATS_H

#include <stdint.h>

/* Zero: it could not be read. */
struct process_stats {
	double cpu_sec;    /* of all threads, in user and kernel mode */
	double started_at; /* seconds since 1970 */
	uint64_t resident_bytes, virtual_bytes;
	uint64_t open_fds, max_fds;
	uint64_t threads;
};

void process_stats_get(struct process_stats *out);

#endif
