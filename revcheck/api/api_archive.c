/*
 * api_archive: the pieces that a running engine holds of one source, their
 * bytes, and who is listed in them. Any thread; nothing is taken for asked.
 */
#include <string.h>

#include "cache/base/text.h"
#include "revcheck/api/api_crl.h"
#include "revcheck/engine/cache_item.h"
#include "revcheck/engine/engine_state.h"
#include "revcheck/engine/local_crls.h"
#include "revcheck/x509/certs.h"

/* The documents under that key; *out is a reference, NULL where none are. */
static int
documents_of(struct documents **out, struct revcheck *rc, const char *key,
    struct revcheck_error *err)
{
	struct evidence_key k;
	struct err why;

	*out = NULL;
	if (!text_unhex(k.id, key, sizeof(k.id))) {
		err_set(&why, E_ARG,
		    "'%.70s' is not a key of 64 hexadecimal digits", key);
		return error_publish(err, &why, E_ARG);
	}
	*out = archive_peek1(rc->archive, &k);
	if (*out == NULL)
		*out = local_crls_peek1(rc->local, &k);
	return 0;
}

static void
item_of(
    struct revcheck_cache_item *item, const char *key, const struct evidence *e)
{
	*item = (struct revcheck_cache_item){.size = sizeof(*item),
	    .kind = e->kind == EVIDENCE_CRL ? REVCHECK_EVIDENCE_CRL
					    : REVCHECK_EVIDENCE_OCSP,
	    .bytes = evidence_der(e).len,
	    .num_entries = 1};
	if (e->kind == EVIDENCE_CRL)
		cache_item_of_crl(item, e->crl);
	if (atomic_load(&e->described)) {
		item->this_update = e->this_update;
		item->next_update = e->next_update;
	}
	item->fetched_at = atomic_load(&e->fetched_at);
	if (e->origin == ORIGIN_FILE)
		item->source = REVCHECK_SOURCE_FILE;
	text_copy(item->key, sizeof(item->key), key);
	cache_item_url(item, e->url);
}

int
revcheck_archive_get(struct revcheck *rc, const char *key,
    revcheck_piece_fn *fn, void *arg, struct revcheck_error *err)
{
	struct revcheck_cache_item item;
	struct documents *d;
	int num = documents_of(&d, rc, key, err);

	/* The newest arrival first. */
	for (size_t i = d != NULL ? d->num : 0; i-- > 0;) {
		struct span der = evidence_der(d->v[i]);

		item_of(&item, key, d->v[i]);
		num++;
		if (fn(arg, &item, der.p, der.len) != 0)
			break;
	}
	documents_free(d);
	return num;
}

int
revcheck_archive_find(struct revcheck *rc, const char *key, const char *serial,
    struct revcheck_crl_entry *out, struct revcheck_error *err)
{
	struct documents *d;
	struct err why;
	int found = documents_of(&d, rc, key, err);

	for (size_t i = 0; found == 0 && d != NULL && i < d->num; i++)
		if (d->v[i]->kind == EVIDENCE_CRL)
			found = api_crl_find(d->v[i]->crl, serial, out);
	if (found == E_ARG && d != NULL) {
		err_set(
		    &why, E_ARG, "'%.70s' is not a hexadecimal serial", serial);
		(void)error_publish(err, &why, E_ARG);
	}
	documents_free(d);
	return found;
}
