/*
 * members: the identities of members whose node is behind this gateway: name,
 * what they registered with and what they were set up to present. One record
 * each, replaced whole, kept in the state directory. Control thread only.
 */
#ifndef GATEWAY_MEMBERS_MEMBERS_H
#define GATEWAY_MEMBERS_MEMBERS_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/members/keystore.h"

#define MEMBERS_MAX 1000

/* Owned by its list; texts change only by the calls below. */
struct member {
	char id[KEYSTORE_ID_SIZE];
	char *name;          /* RFC 2253; NULL: not known yet */
	cJSON *registration; /* {"tls": [PEM], "session": [PEM]} or NULL */
	cJSON *setup;        /* which certificates it presents, or NULL */
};

struct members;

int members_open(struct members **out, const char *dir, const struct log *log,
    struct err *err) MUST_USE;
void members_close(struct members *s);

size_t members_num(const struct members *s);
const struct member *members_get(const struct members *s, size_t i);
/* NULL when there is none; id in upper case. */
const struct member *members_find(const struct members *s, const char *id);

/*
 * A holding identity is known from its first key on; a crash may have come
 * between the two. Makes known what is not.
 */
int members_know_keys(
    struct members *s, const struct keystore *keys, struct err *err) MUST_USE;

/*
 * Makes sure that there is one with this id and changes what is not NULL. On
 * return it is on disk. members_undo takes the last change back, for the
 * caller whose next step failed; once per change.
 */
int members_set(struct members *s, const char *id, const char *name,
    const cJSON *registration, const cJSON *setup, struct err *err) MUST_USE;
int members_undo(struct members *s, struct err *err) MUST_USE;

#endif
