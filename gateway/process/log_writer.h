/*
 * log_writer: a bounded ring of whole lines and the one thread that writes
 * them. Who logs never waits for who reads: a line that finds no room is
 * dropped and counted. All functions but _new and _free are thread-safe.
 */
#ifndef GATEWAY_PROCESS_LOG_WRITER_H
#define GATEWAY_PROCESS_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"

struct log_writer;

/*
 * Borrows fd, which may block, and keeps at most `capacity` bytes of lines that
 * are not written yet. E_NOMEM.
 */
int log_writer_new(
    struct log_writer **out, int fd, size_t capacity, struct err *err) MUST_USE;

/*
 * Makes the thread; what was put before waited for it. Once, when the process
 * has given up the rights that it does not need: a thread keeps its own.
 * E_INTERNAL.
 */
int log_writer_start(struct log_writer *w, struct err *err) MUST_USE;

/*
 * Waits until everything is written, for `patience_ms` at most, and ends the
 * thread. What nobody has read by then is lost. NULL is fine.
 */
void log_writer_free(struct log_writer *w, unsigned patience_ms);

/*
 * Takes one line with its newline, if fewer than `share` bytes wait, this line
 * included. False: it was dropped. Never blocks for longer than a copy.
 */
bool log_writer_put(
    struct log_writer *w, const char *line, size_t len, size_t share) MUST_USE;

/*
 * Waits until what was put before is written, or patience_ms have passed;
 * without a thread it writes itself.
 */
bool log_writer_flush(struct log_writer *w, unsigned patience_ms);

#endif
