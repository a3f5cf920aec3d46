/* fleet_core: see the header. */
#include "gateway/fleet/fleet_core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/base/clock.h"
#include "cache/base/text.h"

void
fleet_kick(struct fleet *f)
{
	event_active(f->kick, EV_TIMEOUT, 0);
}

void
fleet_after(struct event *ev, unsigned ms)
{
	const struct timeval tv = clock_timeval(ms);

	if (ev != NULL)
		evtimer_add(ev, &tv);
}

void
fleet_error(struct fleet *f, const char *fmt, ...)
{
	struct fleet_error *e = &f->errors[f->num_errors % FLEET_MAX_ERRORS];
	va_list ap;

	va_start(ap, fmt);
	text_vformat(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
	e->at = time(NULL);
	f->num_errors++;
	log_line(f->log, LOG_LEVEL_ERROR, "the fleet: %s", e->what);
}

void
fleet_refuse(
    struct fleet *f, enum fleet_refusal why, const char *key, const char *text)
{
	f->refused[why]++;
	if (f->said >= FLEET_MAX_SAID)
		return;
	f->said++;
	fleet_error(f, "record '%.100s' is ignored: %s", key, text);
	if (f->said == FLEET_MAX_SAID)
		fleet_error(f, "more records are ignored and not named");
}

void
fleet_set_state(
    struct fleet *f, enum fleet_state_now state, const char *fmt, ...)
{
	char why[sizeof(f->why)];
	va_list ap;

	va_start(ap, fmt);
	text_vformat(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (f->state == state && strcmp(f->why, why) == 0)
		return;
	f->state = state;
	memcpy(f->why, why, sizeof(why));
	if (f->calls.changed != NULL)
		f->calls.changed(f->arg);
}

int
fleet_seal_text(const struct fleet *f, enum fleet_kind kind, const char *key,
    int64_t n, const char *json, uint8_t **out, size_t *len, struct err *err)
{
	/* The record of identity is what says the id. */
	const struct fleet_seal_place place = {
	    .id = kind == FLEET_IDENTITY ? "" : f->id,
	    .kind = kind,
	    .key = key,
	    .n = n};

	return fleet_seal_close(
	    f->seal, &place, json, strlen(json), out, len, err);
}

int
fleet_seal_head(const struct fleet *f, int64_t n, const struct fleet_tally *t,
    uint8_t **out, size_t *len, struct err *err)
{
	char json[FLEET_HEAD_JSON];

	fleet_head_json(json, n, t);
	return fleet_seal_text(f, FLEET_HEAD, "head", 0, json, out, len, err);
}

/* The version of a history is in its name, too. */
static bool
name_agrees(
    enum fleet_kind kind, const char *key, const struct fleet_meaning *meaning)
{
	const char *slash = strrchr(key, '/');

	return kind != FLEET_HISTORY ||
	    strtoll(slash + 1, NULL, 10) == meaning->version;
}

int
fleet_open_text(const struct fleet *f, enum fleet_kind kind, const char *key,
    const uint8_t *value, size_t len, struct fleet_opened *out,
    enum fleet_refusal *why, struct err *err)
{
	struct fleet_seal_place place = {
	    .id = kind == FLEET_IDENTITY ? "" : f->id,
	    .kind = kind,
	    .key = key};
	int rc;

	*out = (struct fleet_opened){0};
	*why = FLEET_REFUSED_SEAL;
	rc = fleet_seal_open(
	    f->seal, &place, value, len, &out->json, &out->len, err);
	if (rc != 0)
		return rc;
	out->n = place.n;
	out->previous = place.previous;
	*why = FLEET_REFUSED_TYPE;
	rc = fleet_record_read(&out->meaning, kind, out->json, out->len, err);
	if (rc == 0 &&
	    (fleet_kind_rule(kind)->ordered != (out->n > 0) ||
		!name_agrees(kind, key, &out->meaning)))
		rc = err_set(err, E_PARSE, "its number is not of its kind");
	if (rc != 0) {
		free(out->json);
		*out = (struct fleet_opened){0};
	}
	return rc;
}
