/*
 * engine_cache: what a running engine holds: listed, fetched again, flushed.
 * Any thread; the archive gives snapshots.
 */
#include <stdio.h>
#include <string.h>

#include "cache/base/text.h"
#include "revcheck/engine/cache_item.h"
#include "revcheck/engine/engine_state.h"
#include "revcheck/engine/local_crls.h"
#include "revcheck/x509/certs.h"

struct kept_walk {
	revcheck_cache_fn *fn;
	void *arg;
	int num;
	bool ended;
};

static bool
kept_show(void *arg, const struct revcheck_cache_item *item)
{
	struct kept_walk *w = arg;

	w->num++;
	w->ended = w->fn(w->arg, item) != 0;
	return !w->ended;
}

static bool
kept_item(void *arg, const struct archive_item *a)
{
	struct kept_walk *w = arg;
	struct revcheck_cache_item item = {
	    .size = sizeof(item),
	    .kind = a->kind == EVIDENCE_CRL ? REVCHECK_EVIDENCE_CRL
					    : REVCHECK_EVIDENCE_OCSP,
	    .bytes = a->bytes,
	    .num_entries = a->num_entries,
	    .this_update = a->this_update,
	    .next_update = a->next_update,
	    .fetched_at = a->fetched_at,
	    .failures = a->failures,
	};

	if (a->crl != NULL) {
		cache_item_of_crl(&item, a->crl);
		/* The dates as the acceptor set them. */
		item.this_update = a->this_update;
		item.next_update = a->next_update;
	}
	text_hex(item.key, a->key.id, sizeof(a->key.id));
	cache_item_url(&item, a->url);
	if (a->failures > 0)
		snprintf(item.error, sizeof(item.error),
		    "refreshing failed %u times in a row", a->failures);
	return kept_show(w, &item);
}

int
revcheck_archive_list(struct revcheck *rc, revcheck_cache_fn *fn, void *arg)
{
	struct kept_walk w = {.fn = fn, .arg = arg};

	local_crls_list(rc->local, kept_show, &w);
	if (!w.ended)
		archive_list(rc->archive, kept_item, &w);
	return w.num;
}

static int
kept_key_parse(
    struct evidence_key *out, const char *text, struct revcheck_error *err)
{
	struct err why;

	if (text_unhex(out->id, text, sizeof(out->id)))
		return 0;
	err_set(
	    &why, E_ARG, "'%.70s' is not a key of 64 hexadecimal digits", text);
	return error_publish(err, &why, E_ARG);
}

int
revcheck_archive_refresh(
    struct revcheck *rc, const char *key, struct revcheck_error *err)
{
	struct evidence_key k;
	int code = key != NULL ? kept_key_parse(&k, key, err) : 0;

	if (code != 0)
		return code;
	local_crls_again(rc->local);
	code = archive_refresh(rc->archive, key != NULL ? &k : NULL);
	return code >= 0 ? 0 : error_publish(err, NULL, code);
}

void
revcheck_archive_reread(struct revcheck *rc)
{
	local_crls_again(rc->local);
}

int
revcheck_archive_fetch_missing(struct revcheck *rc, struct revcheck_error *err)
{
	int code = archive_fetch_missing(rc->archive);

	return code >= 0 ? 0 : error_publish(err, NULL, code);
}

int
revcheck_archive_flush(
    struct revcheck *rc, const char *key, struct revcheck_error *err)
{
	struct evidence_key k;
	int code = key != NULL ? kept_key_parse(&k, key, err) : 0;

	if (code != 0)
		return code;
	if (key != NULL)
		local_crls_forget(rc->local, &k);
	code = archive_flush(rc->archive, key != NULL ? &k : NULL);
	return code >= 0 ? 0 : error_publish(err, NULL, code);
}
