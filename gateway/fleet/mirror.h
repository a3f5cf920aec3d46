/*
 * mirror: what is known of every record: what this machine holds, what the
 * engine has, and what was found newer and is not in force yet. Rules of
 * merging are here and nowhere else, and are pure: whatever order changes come
 * in, however often, whichever of the first are lost, the same is held in the
 * end, and what is held never goes back.
 *
 *   section          higher version, then higher n
 *   other ordered    higher n
 *   of equal rank    another text: the engine's, unless it removes a denial or
 *                    allows a subject (logged by who calls)
 *   evidence         CRL number if both have one, then thisUpdate, then checked
 *   revoked          later thisUpdate
 *   withdrawn        later `at`
 *   claim, member, filling, head: as the engine has it
 *   absent           nothing: what is held stays
 */
#ifndef GATEWAY_FLEET_MIRROR_H
#define GATEWAY_FLEET_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/fleet/record.h"

#define MIRROR_DIGEST 32

/* One state of a record, as far as merging wants to know. */
struct mirror_value {
	int64_t n, version;
	int64_t this_update, checked;
	char *number; /* owned; NULL: none */
	bool removed;
	uint8_t digest[MIRROR_DIGEST]; /* SHA-256 of the text */
};

enum mirror_there {
	MIRROR_ABSENT = 0, /* the engine has no such key */
	MIRROR_PREVIOUS,   /* good, to be sealed anew */
	MIRROR_GOOD,       /* what is held, or newer and not taken */
	MIRROR_OLD,        /* older than what is held */
	MIRROR_DAMAGED,    /* cannot be read */
};

struct mirror_entry {
	char *key;
	const char *name; /* within key */
	enum fleet_kind kind;
	bool holds;                /* `held` counts */
	struct mirror_value held;  /* in force here */
	struct mirror_value *next; /* newer, about to be; or NULL */
	/* What waits in the outbox, in force here: text; NULL: nothing. */
	char *pending;
	uint8_t pending_digest[MIRROR_DIGEST];
	bool later; /* it is sent after what waits and is not */
	/* What the engine has. */
	enum mirror_there there;
	int64_t revision; /* of its last change; 0: absent */
	int64_t engine_n;
	bool engine_removed;
	uint8_t engine_digest[MIRROR_DIGEST]; /* of its text */
	uint64_t load;                        /* in which it was seen last */
	char *text;    /* of facts without order; or NULL */
	char *lag;     /* why what the engine has does not act here; or NULL */
	bool again;    /* it is to be looked at once more */
	size_t staged; /* for who puts it in force: 1 + index; 0: nowhere */
	struct mirror_entry *next_in_bucket;
};

struct mirror;

int mirror_new(struct mirror **out, struct err *err) MUST_USE;
void mirror_free(struct mirror *m);

/* NULL when nothing was ever known of it. Lent. */
struct mirror_entry *mirror_find(const struct mirror *m, const char *key);
/* Found or made. NULL with E_ARG: no key; E_LIMIT: too many of the kind. */
struct mirror_entry *
mirror_get(struct mirror *m, const char *key, struct err *err);
void mirror_drop(struct mirror *m, struct mirror_entry *e);
/* fn may drop the entry it is given, and no other. */
void mirror_each(const struct mirror *m,
    void (*fn)(void *arg, struct mirror_entry *e), void *arg);
/* Entries of a kind. */
size_t mirror_num(const struct mirror *m, enum fleet_kind kind);

/* A value out of what a record says. E_NOMEM. */
int mirror_value_init(struct mirror_value *v, int64_t n,
    const struct fleet_meaning *meaning, const char *json, size_t len) MUST_USE;
void mirror_value_cleanup(struct mirror_value *v);

enum mirror_verdict {
	MIRROR_OLDER = 0, /* to be ignored */
	MIRROR_SAME,
	MIRROR_NEWER,
	MIRROR_FORKED, /* of equal rank, another text: taken, and said */
};

/* What the rules say about a value against what is held (NULL: nothing). */
enum mirror_verdict mirror_judge(enum fleet_kind kind,
    const struct mirror_value *is, const struct mirror_value *came);

/*
 * The same for an entry: against what is about to be in force, or held. A
 * value that is NEWER or FORKED becomes e->next and is emptied.
 */
enum mirror_verdict
mirror_offer(struct mirror_entry *e, struct mirror_value *came);
/* e->next is in force, or was not taken: then what is held stays. */
void mirror_accept(struct mirror_entry *e);
void mirror_decline(struct mirror_entry *e);

/* What is held is kept under another fleet's numbers: forgets them. */
void mirror_forget_held(struct mirror *m);

/* Whether what is held is missing in the engine, and would have to be put
 * back. Of ordered kinds only. */
bool mirror_owes(const struct mirror_entry *e);

#endif
