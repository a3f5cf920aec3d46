/*
 * sd_notify: what the service manager is told: sd_notify(3)'s protocol, without
 * its library. Nothing happens without NOTIFY_SOCKET. Main's thread only.
 */
#ifndef GATEWAY_PROCESS_SD_NOTIFY_H
#define GATEWAY_PROCESS_SD_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "cache/base/log.h"

struct event_base;
struct watchdog;

/* One datagram: assignments such as "READY=1", a line each. */
void
sd_notify_send(const struct log *log, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* RELOADING=1 with the time that Type=notify-reload asks for. */
void sd_notify_reloading(const struct log *log);

/* STOPPING=1, and how long it may take. */
void sd_notify_stopping(const struct log *log, uint32_t deadline_ms);

/*
 * While alive(arg) says so, "WATCHDOG=1" is sent four times within
 * WATCHDOG_USEC. *out is NULL, and that is fine, when nobody watches.
 */
int watchdog_new(struct watchdog **out, struct event_base *base,
    const struct log *log, bool (*alive)(void *arg), void *arg,
    struct err *err) MUST_USE;
void watchdog_free(struct watchdog *w);

#endif
