/*
 * descriptors: how many files may be open, and the last of them, which peers
 * do not get: with them REST answers, state is written and evidence fetched
 * while peers have taken all others. Thread-safe.
 */
#ifndef GATEWAY_PROCESS_DESCRIPTORS_H
#define GATEWAY_PROCESS_DESCRIPTORS_H

#include <stdbool.h>

#include "cache/base/log.h"
#include "gateway/conf/conf.h"

/* Raises the limit as far as it goes. */
void descriptors_raise(const struct log *log);

/* Warns when the limit is below what the limits of connections may need. */
void descriptors_check(const struct log *log, const struct conf *conf);

/*
 * Whether fd, just made for a peer, is of those that are kept for others: the
 * lowest free number is given, so a high one says that few are left. The last
 * 64 are kept, or an eighth where that is less. Close it then, or another.
 */
bool descriptors_reserved(int fd);

#endif
