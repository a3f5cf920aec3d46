/*
 * section_store: pushed configuration. Each section has one stored value with a
 * version, and a history, which is in the database alone. Owned by the control
 * thread; nothing here is shared.
 */
#ifndef GATEWAY_STATE_SECTION_STORE_H
#define GATEWAY_STATE_SECTION_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/conf/section.h"
#include "gateway/state/state_db.h"

#define SECTION_VERSION_NONE (-1)
#define SECTION_MAX_HISTORY  1000

/* One change that was made. All lent. */
struct section_change {
	int64_t version;
	time_t at;
	const char *who;    /* user name, "file", "signal" */
	const char *from;   /* address, path */
	const char *action; /* "put", "restore 3", ... */
	const char *text;   /* the configuration as it was given */
	const char *note;   /* what else there is to say, or NULL */
	int64_t seq;        /* orders the changes of all sections */
};

/* Who makes a change. note may be NULL. */
struct section_author {
	const char *who, *from, *action, *note;
	/* Where others have given it these: later ones than what is stored. */
	int64_t version; /* 0: the next */
	time_t at;       /* 0: now */
};

struct section_store;

/*
 * Reads the newest value of each section. One that is not valid any more, or
 * of a section that does not exist, is E_PARSE naming table, section and
 * version: what would be in force in its place might be less strict. db is
 * borrowed and must outlive it.
 */
int section_store_open(
    struct section_store **out, struct state_db *db, struct err *err) MUST_USE;
void section_store_close(struct section_store *s);

/* SECTION_VERSION_NONE and NULL while nothing is stored. Lends. */
int64_t section_version(const struct section_store *s, enum section_id id);
const cJSON *section_config(const struct section_store *s, enum section_id id);
const char *section_text(const struct section_store *s, enum section_id id);

/* How the stored value came to be, without its note; NULL while there is none.
 */
const struct section_change *
section_newest(const struct section_store *s, enum section_id id);

/* Changes, oldest first, at most SECTION_MAX_HISTORY. */
typedef int
section_change_fn(void *arg, const struct section_change *c, struct err *err);
int section_read_history(const struct section_store *s, enum section_id id,
    section_change_fn *fn, void *arg, struct err *err) MUST_USE;
/* The text of one version, to be freed; E_ARG when there is none. */
int section_copy_version(const struct section_store *s, enum section_id id,
    int64_t version, char **text, struct err *err) MUST_USE;

/*
 * Within a transaction: writes `text`, which says config, as the value of
 * version section_version + 1 (1 for the first) or the author's, reads it back
 * as a start would, and makes that the value. The transaction's end decides
 * whether it stays. E_PARSE when what is read back is not the same.
 */
int section_store_put(struct section_store *s, enum section_id id,
    const cJSON *config, const char *text, const struct section_author *author,
    struct err *err) MUST_USE;

/*
 * Within a transaction: one more of before the stored one, for the history
 * alone. What is there already, or is not older, is left out.
 */
int section_store_add_older(struct section_store *s, enum section_id id,
    const struct section_change *c, struct err *err) MUST_USE;

/*
 * Within a transaction: what is stored of a section, history and all, becomes
 * that of before the fleet, which nothing reads but a person: the fleet's
 * versions begin anew. The value stays until section_store_put.
 */
int section_store_set_aside(
    struct section_store *s, enum section_id id, struct err *err) MUST_USE;

#endif
