/*
 * watch: configuration pushed through the file system: a file, or a directory
 * of *.json files, each holding {"section": …, "config": …} as PUT takes it
 * ("version" and "schemaVersion" may be left out). Written in place or moved
 * into place, a file is read when it is complete.
 */
#ifndef GATEWAY_CONTROL_WATCH_H
#define GATEWAY_CONTROL_WATCH_H

#include "cache/base/error.h"

struct control;
struct event_base;
struct watch;

/* Reads what is there, then waits for more. path must exist. */
int watch_new(struct watch **out, struct event_base *base,
    struct control *control, const char *path, struct err *err) MUST_USE;
/* Reads everything again (SIGHUP). */
void watch_scan(struct watch *w);
void watch_free(struct watch *w);

#endif
