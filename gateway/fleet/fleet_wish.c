/* fleet_wish: see the header. */
#include "gateway/fleet/fleet_wish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
fleet_wish_init(struct fleet_wish *w, const struct fleet *f,
    const struct fleet_change *is, struct err *err)
{
	const struct mirror_entry *e;
	struct fleet_meaning meaning;

	w->kind = is->kind;
	w->expect = is->expect;
	if (!fleet_kind_rule(is->kind)->ordered ||
	    !fleet_key_make(w->key, is->kind, is->name))
		return err_set(err, E_ARG, "no name of an ordered record");
	e = mirror_find(f->mirror, w->key);
	w->held = e != NULL && e->holds ? e->held.n : 0;
	if (is->json == NULL)
		return is->kind == FLEET_HISTORY
		    ? 0
		    : err_set(err, E_ARG, "a record without text");
	w->json_len = strlen(is->json);
	if (fleet_record_read(&meaning, is->kind, is->json, w->json_len, err) !=
	    0)
		return E_ARG;
	w->tombstone = is->kind == FLEET_DENY && meaning.removed;
	w->json = strdup(is->json);
	return w->json != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");
}

size_t
fleet_wish_trim(struct fleet_wish *older, const struct fleet *f,
    const struct fleet_wish *history)
{
	char key[FLEET_KEY_SIZE], *digits;
	long long version;

	if (history->kind != FLEET_HISTORY || history->json == NULL)
		return 0;
	memcpy(key, history->key, sizeof(key));
	digits = strrchr(key, '/') + 1;
	version = strtoll(digits, NULL, 10) - FLEET_HISTORY_NUM;
	if (version < 1)
		return 0;
	/* As many digits as were there. */
	snprintf(digits, strlen(digits) + 1, "%010lld", version);
	if (mirror_find(f->mirror, key) == NULL)
		return 0;
	*older =
	    (struct fleet_wish){.kind = FLEET_HISTORY, .expect = FLEET_ANY};
	memcpy(older->key, key, sizeof(older->key));
	return 1;
}

void
fleet_wish_unseal(struct fleet_wish *w)
{
	free(w->sealed);
	w->sealed = NULL;
}

void
fleet_wish_cleanup(struct fleet_wish *w)
{
	fleet_wish_unseal(w);
	free(w->json);
	w->json = NULL;
}

bool
fleet_wish_conflicts(struct fleet_wish *w, const struct mirror_entry *e,
    bool waiting, int64_t *n)
{
	int64_t held = e != NULL && e->holds ? e->held.n : 0;
	bool good = e != NULL &&
	    (e->there == MIRROR_GOOD || e->there == MIRROR_PREVIOUS);

	*n = good ? e->engine_n : held;
	w->compared = -1;
	if (e != NULL && e->pending != NULL && !waiting)
		return true;
	/*
	 * What cannot be read, or is older, is replaced, but only that: the
	 * head counts what goes. Of garbage that nobody has kept nothing does.
	 */
	w->compared = e != NULL ? e->revision : 0;
	if (w->expect == FLEET_ANY && w->compared == 0)
		w->compared = -1;
	if (w->expect == FLEET_ANY)
		return false;
	if (w->expect == FLEET_HELD)
		return held != w->held || (good && e->engine_n != held);
	if (w->expect == FLEET_ABSENT)
		return held > 0 ? !e->held.removed || (good && *n != held)
				: good;
	return *n != w->expect;
}

bool
fleet_wish_moved(const struct fleet_wish *w, const struct fleet *f)
{
	const struct mirror_entry *e = mirror_find(f->mirror, w->key);

	return w->compared >= 0 && (e != NULL ? e->revision : 0) != w->compared;
}
