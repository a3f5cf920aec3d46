/*
 * section_store: pushed configuration. Each section has one stored value with a
 * version, and a history. A change is validated, written to a journal and
 * only then becomes the value, so that a crash leaves the old or the new one.
 * Owned by the control thread; nothing here is shared.
 */
#ifndef GATEWAY_STATE_SECTION_STORE_H
#define GATEWAY_STATE_SECTION_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/conf/section.h"

#define SECTION_VERSION_NONE (-1)
#define SECTION_MAX_HISTORY  1000

/* One change that was made. */
struct section_change {
	int64_t version;
	time_t at;
	char *who;    /* user name, "file", "signal" */
	char *from;   /* address, path */
	char *action; /* "put", "restore 3", ... */
	char *text;   /* the configuration as it was given */
	char *note;   /* what else there is to say, or NULL */
};

/* Who makes a change. note may be NULL. */
struct section_author {
	const char *who, *from, *action, *note;
};

struct section_store;

/*
 * Opens the journal in dir (NULL: memory only) and replays it. A torn last
 * record is cut off and logged; damage before it is an error, since what came
 * after it may be stricter than what is left.
 */
int section_store_open(struct section_store **out, const char *dir,
    const struct log *log, struct err *err) MUST_USE;
void section_store_close(struct section_store *s);

/* SECTION_VERSION_NONE and NULL while nothing is stored. Lends. */
int64_t section_version(const struct section_store *s, enum section_id id);
const cJSON *section_config(const struct section_store *s, enum section_id id);
const char *section_text(const struct section_store *s, enum section_id id);

/* Changes, oldest first. Lends until the next change. */
size_t section_num_changes(const struct section_store *s, enum section_id id);
const struct section_change *
section_change(const struct section_store *s, enum section_id id, size_t i);

/*
 * Makes `config`, written as `text`, the value of version section_version + 1
 * (1 for the first). On return it is on disk. section_store_revert takes the
 * last put back, for the caller whose next step failed.
 */
int section_store_put(struct section_store *s, enum section_id id,
    const cJSON *config, const char *text, const struct section_author *author,
    struct err *err) MUST_USE;
int section_store_revert(
    struct section_store *s, enum section_id id, struct err *err) MUST_USE;

#endif
