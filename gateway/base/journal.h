/*
 * journal: an append-only file of JSON records that survives kill -9. Each
 * record is one line with a checksum in runtime; a record is there when append
 * has returned. One process at a time (the file is locked).
 */
#ifndef GATEWAY_BASE_JOURNAL_H
#define GATEWAY_BASE_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "cache/base/log.h"

#define JOURNAL_MAX_RECORD (32 * 1024 * 1024)

struct journal;

/* A record on replay, oldest first. Anything but 0 ends the replay. */
typedef int journal_fn(void *arg, const cJSON *record, struct err *err);

/*
 * Opens or makes the file and replays it. A last line that is torn is cut
 * off (logged); a damaged line before it is E_PARSE naming file and line.
 */
int journal_open(struct journal **out, const char *path, journal_fn *fn,
    void *arg, const struct log *log, struct err *err) MUST_USE;
/* The same for the file `name` in the directory dir. */
int journal_open_in(struct journal **out, const char *dir, const char *name,
    journal_fn *fn, void *arg, const struct log *log, struct err *err) MUST_USE;
void journal_close(struct journal *j);

/* Writes and syncs. On failure the file is as it was before. */
int journal_append(
    struct journal *j, const cJSON *record, struct err *err) MUST_USE;

/* Cuts the last appended record off again. Once per append. */
int journal_undo(struct journal *j, struct err *err) MUST_USE;

/*
 * Replaces the whole file by `records` (an array), atomically: a crash leaves
 * the old file or the new one.
 */
int journal_rewrite(
    struct journal *j, const cJSON *records, struct err *err) MUST_USE;

/* Bytes in the file. */
uint64_t journal_size(const struct journal *j);

#endif
