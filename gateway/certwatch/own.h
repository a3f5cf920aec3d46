/*
 * own: the certificates that the gateway presents, watched: asked about again
 * whenever evidence changes and before it runs out, by the engine that judges
 * peers; their expiry; and the OCSP responses that are stapled for them. Says
 * loudly what is wrong, and never stops serving because of it. Control thread,
 * but for own_changed.
 */
#ifndef GATEWAY_CERTWATCH_OWN_H
#define GATEWAY_CERTWATCH_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "cache/base/error.h"
#include "gateway/certwatch/own_list.h"
#include "gateway/certwatch/own_rules.h"
#include "revcheck/revcheck.h"

struct control;
struct own;

int
own_new(struct own **out, struct control *control, struct err *err) MUST_USE;
void own_free(struct own *o);

/*
 * What is watched from now on; takes the items over and leaves list empty.
 * What is known about those that stay is kept.
 */
void own_set(struct own *o, struct own_list *list);

/* Something may have changed: ask again, soon. Thread-safe. */
void own_changed(struct own *o);

/* A door is there now: it gets the staples. */
void own_meet_door(struct own *o);

/* What is known about one of them; lent until own_set or the loop runs. */
struct own_fact {
	const char *name;
	enum own_use use;
	const struct revcheck_certs *chain; /* as presented */
	bool answered;                      /* status is an answer */
	enum revcheck_status status; /* of the chain; NOT_ASKED: see text */
	const char *text;            /* what is known, in words; may be "" */
	time_t not_after;            /* of the first certificate to end */
	enum own_expiry expiry;
	time_t known_good_at; /* when it was last found good; 0: never */
	time_t staple_until;  /* 0: there is no staple */
	bool must_staple;
};
size_t own_num(const struct own *o);
void own_get(const struct own *o, size_t i, struct own_fact *out);

#endif
