/* fetch_job: see the header. Any thread. */
#include "cache/engine/fetch_job.h"

#include <stdlib.h>
#include <string.h>

static bool
request_copy(uint8_t **out, size_t *out_len, struct span from)
{
	if (from.len == 0)
		return true;
	*out = malloc(from.len);
	if (*out == NULL)
		return false;
	memcpy(*out, from.p, from.len);
	*out_len = from.len;
	return true;
}

struct fetch_job *
fetch_job_new(const struct archive_order *from)
{
	struct fetch_job *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	ref_init(&o->ref);
	o->key = from->key;
	o->kind = from->kind;
	o->force_post = from->force_post;
	o->no_store = from->no_store;
	memcpy(o->owner, from->owner, sizeof(o->owner));
	o->acceptor = from->acceptor;
	ref_up(&o->acceptor->ref);
	o->cost_bytes =
	    sizeof(*o) + from->request.len + from->request_plain.len;
	o->urls = calloc(from->num_urls + 1, sizeof(*o->urls));
	if (o->urls == NULL)
		goto fail;
	for (; o->num_urls < from->num_urls; o->num_urls++) {
		o->urls[o->num_urls] = strdup(from->urls[o->num_urls]);
		if (o->urls[o->num_urls] == NULL)
			goto fail;
		o->cost_bytes += strlen(o->urls[o->num_urls]) + 24;
	}
	if (request_copy(&o->request, &o->request_len, from->request) &&
	    request_copy(
		&o->request_plain, &o->request_plain_len, from->request_plain))
		return o;
fail:
	fetch_job_free(o);
	return NULL;
}

struct fetch_job *
fetch_job_up_ref(struct fetch_job *o)
{
	ref_up(&o->ref);
	return o;
}

void
fetch_job_free(struct fetch_job *o)
{
	if (o == NULL || !ref_down(&o->ref))
		return;
	for (size_t i = 0; i < o->num_urls; i++)
		free(o->urls[i]);
	free(o->urls);
	free(o->request);
	free(o->request_plain);
	archive_acceptor_free(o->acceptor);
	free(o);
}

void
archive_acceptor_free(struct archive_acceptor *a)
{
	if (a != NULL && ref_down(&a->ref))
		a->free(a);
}
