/*
 * change: one thing that the stores keep, as it is to be: what REST, a watched
 * file or a fleet asks for. Control thread.
 */
#ifndef GATEWAY_CONTROL_CHANGE_H
#define GATEWAY_CONTROL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/control/stores.h"
#include "gateway/members/certstore.h"
#include "gateway/state/denied.h"
#include "gateway/state/section_store.h"

enum change_kind {
	CHANGE_SECTION = 1,
	CHANGE_DENIED,  /* an entry of the denylist */
	CHANGE_SUBJECT, /* of a client, which is let in */
	CHANGE_MEMBER,
	CHANGE_CHAIN,
	CHANGE_KEY /* of another machine; one that is made here is there */
};

/* Each kind has its members; all lent. */
struct change {
	enum change_kind kind;
	bool removed; /* DENIED, SUBJECT: it is to be gone; fine if it is */

	/* SECTION. apart: section_store_set_aside first. */
	enum section_id section;
	const cJSON *config;
	const char *text;
	struct section_author author;
	bool apart;

	const struct denied *denied; /* DENIED, unless removed */
	const char *id;              /* DENIED when removed, MEMBER */
	const char *holder;          /* SUBJECT, CHAIN; "": the cluster */
	/* SUBJECT: a DN; MEMBER: likewise or NULL; CHAIN: its alias. */
	const char *name;
	const cJSON *registration, *setup; /* MEMBER; NULL: as it is */
	enum certstore_usage usage;        /* CHAIN */
	const struct certstore_list *chain;
	const struct keystore_given *key; /* KEY */
	const char *member_name; /* that the chain gives its holder; or NULL */
};

/* Within a transaction. Errors: those of the store. */
int change_write(
    struct stores *s, const struct change *ch, struct err *err) MUST_USE;

/*
 * Whether it can only refuse more than what is stored, so that no one need
 * agree to it. False when that cannot be read.
 */
bool change_tightens(const struct stores *s, const struct change *ch);

#endif
