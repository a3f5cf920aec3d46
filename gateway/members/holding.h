/*
 * holding: the identities of members whose node is behind this gateway: name,
 * what they registered with and what they were set up to present. One record
 * each, replaced whole, kept in the state directory. Control thread only.
 */
#ifndef GATEWAY_MEMBERS_HOLDING_H
#define GATEWAY_MEMBERS_HOLDING_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/members/keystore.h"

#define HOLDING_MAX 1000

/* Owned by its list; texts change only by the calls below. */
struct holding {
	char id[KEYSTORE_ID_SIZE];
	char *name;          /* RFC 2253; NULL: not known yet */
	cJSON *registration; /* {"tls": [PEM], "session": [PEM]} or NULL */
	cJSON *setup;        /* which certificates it presents, or NULL */
};

struct holdings;

int holdings_open(struct holdings **out, const char *dir, const struct log *log,
    struct err *err) MUST_USE;
void holdings_close(struct holdings *s);

size_t holdings_num(const struct holdings *s);
const struct holding *holdings_get(const struct holdings *s, size_t i);
/* NULL when there is none; id in upper case. */
const struct holding *holdings_find(const struct holdings *s, const char *id);

/*
 * A holding identity is known from its first key on; a crash may have come
 * between the two. Makes known what is not.
 */
int holdings_know_keys(
    struct holdings *s, const struct keystore *keys, struct err *err) MUST_USE;

/*
 * Makes sure that there is one with this id and changes what is not NULL. On
 * return it is on disk. holdings_undo takes the last change back, for the
 * caller whose next step failed; once per change.
 */
int holdings_set(struct holdings *s, const char *id, const char *name,
    const cJSON *registration, const cJSON *setup, struct err *err) MUST_USE;
int holdings_undo(struct holdings *s, struct err *err) MUST_USE;

#endif
