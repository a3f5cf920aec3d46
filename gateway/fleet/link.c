/*
 * link: see link.h. The connection, from endpoint to endpoint.
 *
 *                        +--- somewhere else, or the first time ----+
 *                        |                                          v
 *   new --> CONNECTING --+                                       LOADING
 *             ^      |   |                                          |
 *      in time|      |   +--- what was heard last is still true --+ | last page
 *             |      |                                            v v
 *           DOWN <---+---------------------------------------- JOINING
 *             ^    no answer, refused                            |
 *             |                                          created |
 *             +------------------------------------------------- UP
 *                an end; two beats in silence; a beat saw what the watch
 *                has not told when the next one comes
 *
 * Every way down closes the connection and takes the next endpoint. A watch
 * that begins at what is no longer kept, and a store that is behind what was
 * heard of it, go to CONNECTING with nothing known, and so to LOADING.
 */
#include "gateway/fleet/link_internal.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"
#include "gateway/fleet/fleet_password.h"

/* Connecting. */

static void
greeted(void *arg, const struct engine_answer *a)
{
	struct fleet_link *l = arg;
	struct marks now;

	link_enter(l);
	if (a->result != ENGINE_DONE) {
		link_fail(l, a->why);
	} else {
		marks_read(&now, a);
		l->answering = true;
		link_flush(l);
		if (l->loaded && marks_go_on(l, &now, a->revision) &&
		    marks_same_fleet(&now, &l->marks)) {
			link_join(l);
		} else if (l->loaded ||
		    !link_load_goes_on(l, &now, a->revision)) {
			if (l->loaded)
				l->stats.resyncs++;
			l->greeting = now;
			link_load(l, a);
		}
	}
	link_leave(l);
}

static void
connect_next(struct fleet_link *l)
{
	struct engine_options o = {.base = l->base,
	    .log = l->log,
	    .endpoint = l->endpoints[l->endpoint],
	    .prefix = l->prefix,
	    .ca_file = l->ca_file,
	    .certificate = l->certificate,
	    .key = l->key,
	    .user = l->user,
	    .token = l->token,
	    .timeout_ms = l->timeout_ms};
	char *password = NULL;
	struct err err;
	int rc = 0;

	if (l->user != NULL)
		rc = fleet_password_read(&password, l->password_file, &err);
	o.password = password;
	if (rc == 0)
		rc = engine_open(&l->engine, &o, &err);
	fleet_password_free(password);
	if (rc != 0) {
		link_fail(l, err.msg);
		return;
	}
	link_set_state(l, FLEET_LINK_CONNECTING);
	if (!l->dead && l->engine != NULL)
		marks_ask(l, 0, greeted);
}

/* DOWN: time to try again. JOINING: the watch was not made. */
static void
step_due(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_link *l = arg;

	link_enter(l);
	if (l->state == FLEET_LINK_JOINING)
		link_fail(l, "no watch was made in time");
	else
		connect_next(l);
	link_leave(l);
}

/* The link. */

void
fleet_link_free(struct fleet_link *l)
{
	if (l == NULL)
		return;
	/* Nothing is told any more, and nothing of it touched but `dead`. */
	l->dead = true;
	engine_close(l->engine);
	l->engine = NULL;
	link_forget(l);
	if (l->step != NULL)
		event_free(l->step);
	if (l->beat != NULL)
		event_free(l->beat);
	if (l->soon != NULL)
		event_free(l->soon);
	OPENSSL_cleanse(l->token, sizeof(l->token));
	link_options_free(l);
	free(l->prefix);
	free(l->after);
	if (l->busy == 0)
		free(l);
}

int
fleet_link_new(struct fleet_link **out, const struct fleet_link_options *o,
    const struct fleet_link_calls *calls, struct err *err)
{
	struct fleet_link *l = calloc(1, sizeof(*l));
	char prefix[ENGINE_MAX_KEY];
	bool ok = true;
	int rc;

	*out = NULL;
	if (l == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	l->base = o->base;
	l->log = o->log;
	l->calls = *calls;
	l->backoff_ms = LINK_BACKOFF_FIRST_MS;
	l->agreed_ms = clock_mono_ms();
	snprintf(prefix, sizeof(prefix), FLEET_PREFIX, o->name);
	l->prefix = text_dup(prefix, &ok);
	rc = link_options_take(l, o, err);
	l->step = evtimer_new(o->base, step_due, l);
	l->beat = evtimer_new(o->base, link_beat_due, l);
	l->soon = event_new(o->base, -1, 0, link_tell, l);
	if (rc == 0 &&
	    (!ok || l->step == NULL || l->beat == NULL || l->soon == NULL))
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc != 0) {
		fleet_link_free(l);
		return rc;
	}
	link_arm(l->step, 0);
	*out = l;
	return 0;
}

int
fleet_link_configure(
    struct fleet_link *l, const struct fleet_link_options *o, struct err *err)
{
	int rc = link_options_take(l, o, err);

	if (rc != 0)
		return rc;
	memset(l->token, 0, sizeof(l->token));
	l->endpoint = 0;
	l->backoff_ms = LINK_BACKOFF_FIRST_MS;
	l->quiet = false;
	text_copy(l->why, sizeof(l->why), "it is configured anew");
	/* What could not be read, or not act, may now. */
	l->loaded = false;
	link_forget_pages(l);
	link_disconnect(l);
	/* From the loop, as everything. */
	l->state = FLEET_LINK_DOWN;
	link_arm(l->step, 0);
	return 0;
}

void
fleet_link_read_anew(struct fleet_link *l, const char *why)
{
	link_enter(l);
	link_start_over(l, why);
	link_leave(l);
}

void
fleet_link_set_members(struct fleet_link *l, size_t num)
{
	l->members = num;
}

bool
fleet_link_in_parts(const struct fleet_link *l)
{
	return l->in_parts;
}

int64_t
fleet_link_revision(const struct fleet_link *l)
{
	return l->revision;
}

uint64_t
fleet_link_lag_ms(const struct fleet_link *l)
{
	return clock_mono_ms() - l->agreed_ms;
}

void
fleet_link_stats(const struct fleet_link *l, struct fleet_link_stats *out)
{
	*out = l->stats;
	out->state = l->state;
	out->endpoint = l->endpoints[l->endpoint];
	memcpy(out->why, l->why, sizeof(out->why));
	out->revision = l->revision;
	out->lag_ms = fleet_link_lag_ms(l);
}
