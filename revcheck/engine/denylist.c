/* denylist: see the header. Sorted once. */
#include "revcheck/engine/denylist.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/base/ref.h"
#include "cache/der/der.h"
#include "cache/evidence/evidence.h"

struct deny {
	uint8_t id[32]; /* SHA-256 of SPKI, or of issuer and serial */
	time_t until;   /* 0: for ever */
	char *note;
};

struct denylist {
	struct ref ref;
	size_t num;
	struct deny *v;
};

static void
id_of_serial(uint8_t id[32], struct span issuer, struct span serial)
{
	struct span parts[] = {
	    span_of("issuer+serial", 13), issuer, der_serial_trim(serial)};
	struct evidence_key key = evidence_key_of(parts, 3);

	memcpy(id, key.id, sizeof(key.id));
}

static void
id_of_spki(uint8_t id[32], const uint8_t *sha256)
{
	struct span parts[] = {span_of("spki", 4), span_of(sha256, 32)};
	struct evidence_key key = evidence_key_of(parts, 2);

	memcpy(id, key.id, sizeof(key.id));
}

static int
deny_cmp(const void *a, const void *b)
{
	return memcmp(
	    ((const struct deny *)a)->id, ((const struct deny *)b)->id, 32);
}

int
denylist_new(struct denylist **out, const struct revcheck_deny *list,
    size_t num, struct err *err)
{
	struct denylist *d;

	*out = NULL;
	d = calloc(1, sizeof(*d));
	if (d == NULL || (d->v = calloc(num + 1, sizeof(*d->v))) == NULL) {
		free(d);
		return err_set(err, E_NOMEM, "out of memory");
	}
	ref_init(&d->ref);
	for (size_t i = 0; i < num; i++) {
		const struct revcheck_deny *in = &list[i];
		struct deny *v = &d->v[i];

		if (in->spki_sha256 != NULL)
			id_of_spki(v->id, in->spki_sha256);
		else if (in->issuer_der != NULL && in->serial != NULL &&
		    in->serial_len > 0)
			id_of_serial(v->id,
			    span_of(in->issuer_der, in->issuer_len),
			    span_of(in->serial, in->serial_len));
		else {
			denylist_free(d);
			return err_set(err, E_ARG,
			    "denylist entry %zu: issuer and serial, or the "
			    "SHA-256 of a key, are expected",
			    i);
		}
		d->num = i + 1;
		v->until = in->until;
		v->note = strdup(in->note != NULL ? in->note : "");
		if (v->note == NULL) {
			denylist_free(d);
			return err_set(err, E_NOMEM, "out of memory");
		}
	}
	qsort(d->v, d->num, sizeof(*d->v), deny_cmp);
	*out = d;
	return 0;
}

struct denylist *
denylist_up_ref(struct denylist *d)
{
	ref_up(&d->ref);
	return d;
}

void
denylist_free(struct denylist *d)
{
	if (d == NULL || !ref_down(&d->ref))
		return;
	for (size_t i = 0; i < d->num; i++)
		free(d->v[i].note);
	free(d->v);
	free(d);
}

bool
denylist_empty(const struct denylist *d)
{
	return d == NULL || d->num == 0;
}

static const char *
find_id(const struct denylist *d, const uint8_t id[32], time_t at)
{
	struct deny key = {0}, *hit;

	memcpy(key.id, id, sizeof(key.id));
	hit = bsearch(&key, d->v, d->num, sizeof(*d->v), deny_cmp);
	if (hit == NULL)
		return NULL;
	/* Equal ids are neighbours; one that has not run out is enough. */
	while (hit > d->v && deny_cmp(hit - 1, &key) == 0)
		hit--;
	for (; hit < d->v + d->num && deny_cmp(hit, &key) == 0; hit++)
		if (hit->until == 0 || hit->until > at)
			return hit->note;
	return NULL;
}

const char *
denylist_find(const struct denylist *d, X509 *cert,
    const uint8_t spki_sha256[32], time_t at)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned char *content = NULL, *issuer = NULL;
	const char *note = NULL;
	struct der der;
	struct span body;
	uint8_t id[32];
	int len;

	if (denylist_empty(d))
		return NULL;
	id_of_spki(id, spki_sha256);
	note = find_id(d, id, at);
	if (note != NULL)
		return note;
	/* Content octets of the INTEGER, sign included. */
	len = i2d_ASN1_INTEGER(serial, &content);
	if (len <= 0)
		return NULL;
	der_init(&der, span_of(content, (size_t)len));
	if (!der_any(&der, NULL, &body, NULL))
		goto out;
	len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	if (len > 0) {
		id_of_serial(id, span_of(issuer, (size_t)len), body);
		note = find_id(d, id, at);
	}
out:
	OPENSSL_free(issuer);
	OPENSSL_free(content);
	return note;
}
