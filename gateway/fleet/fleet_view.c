/* fleet_view: what is seen of a fleet from outside. */
#include <string.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet_core.h"

const char *
fleet_refusal_word(enum fleet_refusal r)
{
	static const char *const words[] = {
	    [FLEET_REFUSED_SEAL] = "seal",
	    [FLEET_REFUSED_OLDER] = "older",
	    [FLEET_REFUSED_TYPE] = "type",
	    [FLEET_REFUSED_BOUND] = "bound",
	    [FLEET_REFUSED_PART] = "part",
	};

	return (unsigned)r < FLEET_REFUSAL_NUM ? words[r] : "?";
}

const char *
fleet_state_word(enum fleet_state_now s)
{
	static const char *const words[] = {
	    [FLEET_STARTING] = "starting",
	    [FLEET_LOADING] = "loading",
	    [FLEET_UP] = "up",
	    [FLEET_LOST] = "lost",
	    [FLEET_MISSING] = "missing",
	    [FLEET_OTHER] = "other",
	    [FLEET_TOO_OLD] = "too-old",
	    [FLEET_FILLS] = "fills",
	    [FLEET_UNREADABLE] = "unreadable",
	    [FLEET_PART] = "part",
	};

	return (unsigned)s < sizeof(words) / sizeof(*words) ? words[s] : "?";
}

int64_t
fleet_n(const struct fleet *f, enum fleet_kind kind, const char *name)
{
	char key[FLEET_KEY_SIZE];
	const struct mirror_entry *e;

	if (!fleet_key_make(key, kind, name))
		return 0;
	e = mirror_find(f->mirror, key);
	return e != NULL && e->holds ? e->held.n : 0;
}

/* A beat does not agree while records are missing. */
static int64_t
lag_ms(const struct fleet *f, const struct fleet_link_stats *stats)
{
	uint64_t part =
	    f->part_since_ms != 0 ? clock_mono_ms() - f->part_since_ms : 0;

	if (stats->beats == 0)
		return -1;
	return (int64_t)(part > stats->lag_ms ? part : stats->lag_ms);
}

void
fleet_view(const struct fleet *f, struct fleet_view *out)
{
	struct fleet_link_stats stats;

	fleet_link_stats(f->link, &stats);
	*out = (struct fleet_view){.state = f->state,
	    .why = f->why,
	    .endpoint = stats.endpoint != NULL ? stats.endpoint : "",
	    .id = f->id,
	    .other_id = f->other_id,
	    .head = f->head,
	    .began = f->began,
	    .revision = stats.revision,
	    .lag_ms = lag_ms(f, &stats),
	    .filled = f->filled,
	    .outbox = f->outbox_num,
	    .reconnects = stats.reconnects,
	    .resyncs = stats.resyncs,
	    .written = f->written,
	    .conflicts = f->conflicts,
	    .failed = f->failed,
	    .apply_us = f->apply_us,
	    .applied = f->applied,
	    .link = stats};
	for (int k = 0; k < FLEET_KIND_NUM; k++) {
		out->num[k] = mirror_num(f->mirror, (enum fleet_kind)k);
		out->events[k] = f->events[k];
	}
	memcpy(out->refused, f->refused, sizeof(out->refused));
}

struct telling {
	void (*fn)(void *arg, const char *name, const char *text);
	void *arg;
};

static void
tell_lag(void *arg, struct mirror_entry *e)
{
	const struct telling *t = arg;

	if (e->lag != NULL)
		t->fn(t->arg, e->key, e->lag);
}

void
fleet_each_lag(const struct fleet *f,
    void (*fn)(void *arg, const char *key, const char *why), void *arg)
{
	struct telling t = {fn, arg};

	mirror_each(f->mirror, tell_lag, &t);
}

static void
tell_member(void *arg, struct mirror_entry *e)
{
	const struct telling *t = arg;

	if (e->kind == FLEET_MEMBER && e->revision != 0 && e->text != NULL)
		t->fn(t->arg, e->name, e->text);
}

void
fleet_each_member(const struct fleet *f,
    void (*fn)(void *arg, const char *name, const char *json), void *arg)
{
	struct telling t = {fn, arg};

	mirror_each(f->mirror, tell_member, &t);
}

void
fleet_each_error(const struct fleet *f,
    void (*fn)(void *arg, int64_t at, const char *what), void *arg)
{
	size_t from = f->num_errors > FLEET_MAX_ERRORS
	    ? f->num_errors - FLEET_MAX_ERRORS
	    : 0;

	for (size_t i = from; i < f->num_errors; i++) {
		const struct fleet_error *e = &f->errors[i % FLEET_MAX_ERRORS];

		fn(arg, e->at, e->what);
	}
}
