/* engine_sources: where evidence comes from, a row each. Any thread. */
#include <stdio.h>
#include <string.h>

#include "cache/base/text.h"
#include "revcheck/engine/cert_check.h"
#include "revcheck/engine/engine_state.h"
#include "revcheck/engine/local_crls.h"
#include "revcheck/x509/certs.h"

struct sources_walk {
	revcheck_source_fn *fn;
	void *arg;
	int num;
	bool ended;
	struct revcheck_source_item file; /* being gathered; no url: none */
};

static bool
show(struct sources_walk *w, const struct revcheck_source_item *item)
{
	w->num++;
	w->ended = w->fn(w->arg, item) != 0;
	return !w->ended;
}

/* URLs come from certificates: what is not printable ASCII becomes '?'. */
static void
printable(char *out, size_t cap, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < cap; text++)
		out[n++] = *text >= 0x20 && *text < 0x7f ? *text : '?';
	out[n] = '\0';
}

static bool
source_of_url(void *arg, const struct archive_source *s)
{
	struct sources_walk *w = arg;
	struct revcheck_source_item item;

	/* The texts are long, and most are empty. */
	memset(&item, 0, offsetof(struct revcheck_source_item, url));
	item.error[0] = '\0';
	item.size = sizeof(item);
	item.kind = s->kind == EVIDENCE_CRL ? REVCHECK_EVIDENCE_CRL
					    : REVCHECK_EVIDENCE_OCSP;
	item.source = REVCHECK_SOURCE_NETWORK;
	item.kept = s->num;
	item.bytes = s->bytes;
	item.this_update = s->this_update;
	item.next_update = s->ends_at;
	item.last_success = s->succeeded_at;
	item.last_try = s->tried_at;
	item.next_try = s->next_try_at;
	item.failures = s->failures;
	item.last_bytes = s->last_bytes;
	item.last_ms = s->last_ms;
	printable(item.url, sizeof(item.url), s->url);
	if (s->key != NULL)
		text_hex(item.key, s->key->id, sizeof(s->key->id));
	if (s->failure != NULL) {
		item.why = cert_check_why_of(s->failure);
		item.http_status = s->failure->http_status;
		printable(item.error, sizeof(item.error), s->failure->msg);
	}
	return show(w, &item);
}

static bool
end_file(struct sources_walk *w)
{
	bool any = w->file.url[0] != '\0';
	bool on = !any || show(w, &w->file);

	w->file = (struct revcheck_source_item){.size = sizeof(w->file)};
	return on;
}

/* Rows of one file follow each other. */
static bool
source_of_file(void *arg, const struct revcheck_cache_item *c)
{
	struct sources_walk *w = arg;
	struct revcheck_source_item *f = &w->file;

	if (strcmp(f->url, c->url) != 0 && !end_file(w))
		return false;
	text_copy(f->url, sizeof(f->url), c->url);
	f->kind = REVCHECK_EVIDENCE_CRL;
	f->source = REVCHECK_SOURCE_FILE;
	if (c->this_update != 0) {
		f->kept++;
		f->bytes += c->bytes;
	}
	if (c->next_update != 0 &&
	    (f->next_update == 0 || c->next_update < f->next_update)) {
		f->next_update = c->next_update;
		f->this_update = c->this_update;
		text_copy(f->key, sizeof(f->key), c->key);
	}
	if (f->key[0] == '\0')
		text_copy(f->key, sizeof(f->key), c->key);
	if (c->fetched_at > f->last_success)
		f->last_success = f->last_try = c->fetched_at;
	if (c->error[0] != '\0') {
		f->why = REVCHECK_WHY_MALFORMED;
		f->failures = 1;
		text_copy(f->error, sizeof(f->error), c->error);
	}
	return true;
}

int
revcheck_archive_sources(struct revcheck *rc, revcheck_source_fn *fn, void *arg)
{
	struct sources_walk w = {.fn = fn, .arg = arg};

	local_crls_list(rc->local, source_of_file, &w);
	if (!w.ended)
		(void)end_file(&w);
	if (!w.ended)
		archive_sources(rc->archive, source_of_url, &w);
	return w.num;
}
