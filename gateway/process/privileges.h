/*
 * privileges: what concerns the process as the system sees it.
 */
#ifndef GATEWAY_PROCESS_PRIVILEGES_H
#define GATEWAY_PROCESS_PRIVILEGES_H

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/conf/conf.h"

/*
 * No core dumps, no debugger of the same user: keys and passwords are in
 * memory. Before anything is read.
 */
void process_keep_memory_private(void);

/* SIGPIPE, libevent's own messages. log must stay. */
void process_prepare(const struct log *log);

/*
 * To the configured user and group, for good; nothing when none is named.
 * Before any other thread is made. Makes the state directory for that user if
 * it is missing. Of root's capabilities only the one to bind low ports stays,
 * since a reload may name another.
 */
int privileges_drop(const struct conf *conf, struct err *err) MUST_USE;

#endif
