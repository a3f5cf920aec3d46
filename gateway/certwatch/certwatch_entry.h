/*
 * certwatch_entry: what the files of certwatch share: one watched chain, and
 * all of them. Control thread.
 */
#ifndef GATEWAY_CERTWATCH_CERTWATCH_ENTRY_H
#define GATEWAY_CERTWATCH_CERTWATCH_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <event2/event.h>

#include "gateway/base/chain_poll.h"
#include "gateway/base/services.h"
#include "gateway/base/source_box.h"
#include "gateway/base/source_index.h"
#include "gateway/certwatch/certwatch.h"

struct staple;

/* Owned by its list, and gone with it: what it waits for is dropped then. */
struct certwatch_entry {
	struct certwatch *watch;
	struct certwatch_item item;
	bool vouched_known;          /* path has been looked for */
	struct revcheck_certs *path; /* leaf to anchor; NULL: none vouches */

	bool due; /* to be asked about */
	struct chain_poll_item question;
	struct source_asker answer; /* about the chain */
	time_t ask_at;
	time_t runs_out; /* first of what the last answers rest on; 0: never */

	bool answered;
	enum revcheck_status status;
	enum revcheck_why why;
	char text[640];
	time_t known_good_at;
	struct staple *staple; /* a reference, or NULL */

	bool must_staple;
	size_t first_to_end;
	time_t not_after;
	struct certwatch_said said_status, said_expiry, said_staple;
};

struct certwatch {
	const struct services *services;
	certwatch_publish_fn *publish;
	void *publish_arg;
	enum revcheck_mode tls_mode; /* of TLS peers; DEFAULT: the policy's */
	struct conf_own conf;
	struct event *turn;
	struct chain_poll poll;
	struct certwatch_entry *entries;
	size_t num;
	size_t at;   /* the next that may be due */
	bool dirty;  /* the staples are not those that were published */
	bool urgent; /* one of those must not be sent any more */
	time_t published_at;
	struct source_box told;
	struct source_index *sources;
};

static inline time_t
certwatch_now(const struct certwatch *w)
{
	return wall_clock_now(w->services->clock);
}

/* Another turn of the loop after so long. */
static inline void
certwatch_turn_in(struct certwatch *w, time_t sec)
{
	const struct timeval tv = {.tv_sec = sec};

	event_add(w->turn, &tv);
}

/* Begins to ask about it; goes on by itself. */
void certwatch_entry_ask(struct certwatch_entry *e);
/* Takes the reference; NULL takes it away. */
void
certwatch_entry_set_staple(struct certwatch_entry *e, struct staple *staple);

/* Says what has to be said now. */
void certwatch_entry_say(struct certwatch_entry *e, time_t now);

#endif
