/* exchanges: see the header. Told on the engine's thread. */
#include "revcheck/cli/exchanges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "revcheck/cli/cli.h"
#include "revcheck/cli/progress.h"

#define STILL_MS 2000

void
exchanges_init(struct exchanges *l, bool keep)
{
	*l = (struct exchanges){.keep = keep};
	pthread_mutex_init(&l->lock, NULL);
}

void
exchanges_cleanup(struct exchanges *l)
{
	for (size_t i = 0; i < l->num; i++)
		free(l->v[i].url);
	free(l->v);
	pthread_mutex_destroy(&l->lock);
	*l = (struct exchanges){0};
}

/* Of the one certificate that a request is about; as results write it. */
static void
serial_asked(char *out, size_t cap, const void *request, size_t len)
{
	const unsigned char *at = request;
	OCSP_REQUEST *r =
	    len > 0 ? d2i_OCSP_REQUEST(NULL, &at, (long)len) : NULL;
	ASN1_INTEGER *serial = NULL;
	BIGNUM *n = NULL;
	char *hex = NULL;

	out[0] = '\0';
	if (r != NULL && OCSP_request_onereq_count(r) > 0 &&
	    OCSP_id_get0_info(NULL, NULL, NULL, &serial,
		OCSP_onereq_get0_id(OCSP_request_onereq_get0(r, 0))) == 1)
		n = ASN1_INTEGER_to_BN(serial, NULL);
	if (n != NULL)
		hex = BN_bn2hex(n);
	if (hex != NULL)
		snprintf(out, cap, "%s", hex);
	OPENSSL_free(hex);
	BN_free(n);
	OCSP_REQUEST_free(r);
	ERR_clear_error();
}

static struct exchange_seen *
find(struct exchanges *l, uint64_t id)
{
	for (size_t i = l->num; i-- > 0;)
		if (l->v[i].id == id)
			return &l->v[i];
	return NULL;
}

static void
begin(struct exchanges *l, const struct revcheck_exchange *x)
{
	struct exchange_seen *v, *e;

	if (l->num == EXCHANGES_MAX)
		return;
	if (l->num == l->cap) {
		size_t cap = l->cap == 0 ? 16 : l->cap * 2;

		v = realloc(l->v, cap * sizeof(*v));
		if (v == NULL)
			return;
		l->v = v;
		l->cap = cap;
	}
	e = &l->v[l->num];
	*e = (struct exchange_seen){.id = x->id,
	    .kind = x->kind,
	    .url = strdup(x->url),
	    .post = x->post != 0};
	if (e->url == NULL)
		return;
	serial_asked(e->serial, sizeof(e->serial), x->request, x->request_len);
	l->num++;
}

static void
end(struct exchanges *l, struct exchange_seen *e,
    const struct revcheck_exchange *x)
{
	e->ended = true;
	e->ms = x->ms;
	e->bytes = x->bytes;
	e->http_status = x->http_status;
	e->not_modified = x->not_modified != 0;
	e->why = x->why;
	snprintf(e->text, sizeof(e->text), "%s", x->text);
	if (l->keep)
		return;
	free(e->url);
	*e = l->v[--l->num];
}

void
exchanges_hear(void *arg, const struct revcheck_exchange *x)
{
	struct exchanges *l = arg;
	struct exchange_seen *e;

	pthread_mutex_lock(&l->lock);
	if (x->event == REVCHECK_EXCHANGE_BEGUN)
		begin(l, x);
	e = find(l, x->id);
	if (e != NULL && x->event == REVCHECK_EXCHANGE_BYTES) {
		e->bytes = x->bytes;
		e->moved_ms = cli_mono_ms();
	} else if (e != NULL && x->event == REVCHECK_EXCHANGE_ENDED) {
		end(l, e, x);
	}
	pthread_mutex_unlock(&l->lock);
	if (x->event == REVCHECK_EXCHANGE_ENDED)
		progress_download(NULL, 0, 0);
	else
		progress_download(x->url, x->bytes, x->total);
}

bool
exchanges_moving(struct exchanges *l)
{
	uint64_t now = cli_mono_ms();
	bool moving = false;

	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->num; i++)
		moving = moving ||
		    (!l->v[i].ended && l->v[i].moved_ms + STILL_MS > now);
	pthread_mutex_unlock(&l->lock);
	return moving;
}
