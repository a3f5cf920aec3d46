/*
 * certwatch: the certificates that the gateway presents, watched: asked about
 * again whenever their evidence changes and before it runs out, by the engine
 * that judges peers; their expiry; and the OCSP responses that are stapled for
 * them. Says loudly what is wrong, and never stops serving because of it.
 * Control thread, but for certwatch_told.
 */
#ifndef GATEWAY_CERTWATCH_CERTWATCH_H
#define GATEWAY_CERTWATCH_CERTWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "cache/base/error.h"
#include "gateway/certwatch/certwatch_list.h"
#include "gateway/certwatch/certwatch_rules.h"
#include "revcheck/revcheck.h"

struct certwatch;
struct services;
struct staples;

/* The OCSP responses to staple from now on; lent for the call. */
typedef void certwatch_publish_fn(void *arg, struct staples *staples);

/* services must outlive it. */
int certwatch_new(struct certwatch **out, const struct services *services,
    certwatch_publish_fn *publish, void *arg, struct err *err) MUST_USE;
void certwatch_free(struct certwatch *w);

/*
 * What is watched from now on, and by which settings; takes the items over and
 * leaves list empty. What is known about those that stay is kept.
 */
void certwatch_set(
    struct certwatch *w, struct certwatch_list *list, const struct conf *conf);

/* As revcheck_watch tells it, NULL: all of them: ask again. Thread-safe. */
void certwatch_told(
    struct certwatch *w, const unsigned char *source, uint64_t change);

/* What is known about one of them; lent until certwatch_set or the loop runs.
 */
struct certwatch_fact {
	const char *name;
	enum certwatch_use use;
	const struct revcheck_certs *chain; /* as presented */
	bool answered;                      /* status is an answer */
	enum revcheck_status status; /* of the chain; NOT_ASKED: see text */
	const char *text;            /* what is known, in words; may be "" */
	time_t not_after;            /* of the first certificate to end */
	enum certwatch_expiry expiry;
	time_t known_good_at; /* when it was last found good; 0: never */
	time_t staple_until;  /* 0: there is no staple */
	bool must_staple;
};
size_t certwatch_num(const struct certwatch *w);
void
certwatch_get(const struct certwatch *w, size_t i, struct certwatch_fact *out);

#endif
