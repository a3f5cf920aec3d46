/* denylist: see the header. One that differs in an entry shares the others. */
#include "revcheck/engine/denylist.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cache/base/digest_map.h"
#include "cache/der/der.h"
#include "cache/evidence/evidence.h"

/* Immutable. The key: SHA-256 of the SPKI's, or of issuer and serial. */
struct deny {
	struct digest_item item;
	time_t until; /* 0: for ever */
	char note[];
};

struct denylist {
	struct ref ref;
	struct digest_map map; /* not changed once others may see it */
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
id_of(uint8_t id[32], const struct revcheck_deny *in)
{
	if (in->spki_sha256 != NULL)
		id_of_spki(id, in->spki_sha256);
	else if (in->issuer_der != NULL && in->serial != NULL &&
	    in->serial_len > 0)
		id_of_serial(id, span_of(in->issuer_der, in->issuer_len),
		    span_of(in->serial, in->serial_len));
	else
		return E_ARG;
	return 0;
}

static void
deny_free(struct digest_item *item)
{
	free(item);
}

static bool
outlasts(const struct deny *d, time_t until)
{
	return d->until == 0 || (until != 0 && d->until >= until);
}

/* Into a list that nobody else sees. longest: not in place of a longer one. */
static int
put(struct denylist *d, const struct revcheck_deny *in, bool longest,
    struct err *err)
{
	const char *note = in->note != NULL ? in->note : "";
	struct digest_item *have;
	struct deny *v;
	uint8_t id[32];

	if (id_of(id, in) != 0)
		return err_set(err, E_ARG,
		    "issuer and serial, or the SHA-256 of a key, are expected");
	have = longest ? digest_map_find(&d->map, id) : NULL;
	if (have != NULL && outlasts((struct deny *)have, in->until))
		return 0;
	v = malloc(sizeof(*v) + strlen(note) + 1);
	if (v == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	ref_init(&v->item.ref);
	memcpy(v->item.key, id, sizeof(id));
	v->until = in->until;
	memcpy(v->note, note, strlen(note) + 1);
	if (digest_map_put(&d->map, &v->item) != 0) {
		free(v);
		return err_set(err, E_NOMEM, "out of memory");
	}
	return 0;
}

static struct denylist *
list_new(const struct denylist *like)
{
	struct denylist *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	ref_init(&d->ref);
	digest_map_init(&d->map, deny_free);
	if (like != NULL)
		digest_map_copy(&d->map, &like->map);
	return d;
}

int
denylist_new(struct denylist **out, const struct revcheck_deny *list,
    size_t num, struct err *err)
{
	struct denylist *d = list_new(NULL);
	struct err why;
	int rc = 0;

	*out = NULL;
	if (d == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < num && rc == 0; i++) {
		rc = put(d, &list[i], true, &why);
		if (rc != 0)
			err_set(err, rc, "denylist entry %zu: %s", i, why.msg);
	}
	if (rc != 0) {
		denylist_free(d);
		return rc;
	}
	*out = d;
	return 0;
}

int
denylist_with(struct denylist **out, const struct denylist *d,
    const struct revcheck_deny *entry, struct err *err)
{
	struct denylist *fresh = list_new(d);
	int rc;

	*out = NULL;
	if (fresh == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = put(fresh, entry, false, err);
	if (rc != 0) {
		denylist_free(fresh);
		return rc;
	}
	*out = fresh;
	return 0;
}

int
denylist_without(struct denylist **out, const struct denylist *d,
    const struct revcheck_deny *entry, struct err *err)
{
	struct denylist *fresh;
	uint8_t id[32];
	int rc;

	*out = NULL;
	if (id_of(id, entry) != 0)
		return err_set(err, E_ARG,
		    "issuer and serial, or the SHA-256 of a key, are expected");
	fresh = list_new(d);
	if (fresh == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = digest_map_remove(&fresh->map, id);
	if (rc < 0) {
		denylist_free(fresh);
		return err_set(err, rc, "out of memory");
	}
	*out = fresh;
	return rc;
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
	digest_map_cleanup(&d->map);
	free(d);
}

bool
denylist_empty(const struct denylist *d)
{
	return d == NULL || d->map.num == 0;
}

static const char *
find_id(const struct denylist *d, const uint8_t id[32], time_t at)
{
	const struct deny *hit =
	    (const struct deny *)digest_map_find(&d->map, id);

	return hit != NULL && (hit->until == 0 || hit->until > at) ? hit->note
								   : NULL;
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
