/* engine_sources: where evidence comes from, a row each. Any thread. */
#include <stddef.h>
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

/* The texts are long, and most are empty. */
static void
item_clear(struct revcheck_source_item *item)
{
	memset(item, 0, offsetof(struct revcheck_source_item, url));
	item->url[0] = item->error[0] = '\0';
	item->size = sizeof(*item);
}

static bool
source_of_url(void *arg, const struct archive_source *s)
{
	struct sources_walk *w = arg;
	struct revcheck_source_item item;

	item_clear(&item);
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
source_of_file(void *arg, const struct local_source *s)
{
	struct sources_walk *w = arg;
	struct revcheck_source_item item;

	item_clear(&item);
	item.kind = REVCHECK_EVIDENCE_CRL;
	item.source = REVCHECK_SOURCE_FILE;
	item.kept = s->num;
	item.bytes = s->bytes;
	item.this_update = s->this_update;
	item.next_update = s->ends_at;
	item.last_success = item.last_try = s->read_at;
	text_hex(item.key, s->key.id, sizeof(s->key.id));
	text_copy(item.url, sizeof(item.url), s->path);
	if (s->error[0] != '\0') {
		item.why = REVCHECK_WHY_MALFORMED;
		item.failures = 1;
		text_copy(item.error, sizeof(item.error), s->error);
	}
	return show(w, &item);
}

int
revcheck_archive_sources(struct revcheck *rc, revcheck_source_fn *fn, void *arg)
{
	struct sources_walk w = {.fn = fn, .arg = arg};

	local_crls_sources(rc->local, source_of_file, &w);
	if (!w.ended)
		archive_sources(rc->archive, source_of_url, &w);
	return w.num;
}
