/*
 * staple: a hash table by serial number, built once and only read after that.
 * Certificates are compared whole, so that a snapshot outlives the reload
 * that parsed the same certificate again.
 */
#include "gateway/tls/staple.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "gateway/observe/counters.h"
#include "gateway/tls/handshake.h"

#define TLS_FEATURE_STATUS_REQUEST 5 /* RFC 7633: the extension's number */

struct staples {
	struct ref ref;
	struct staple **slots; /* references; NULL: free */
	size_t num_slots;      /* a power of two, at most half full */
};

/* One. */

struct staple *
staple_new(X509 *leaf, const void *der, size_t len, time_t until)
{
	struct staple *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->der = malloc(len);
	if (s->der == NULL) {
		free(s);
		return NULL;
	}
	ref_init(&s->ref);
	memcpy(s->der, der, len);
	s->len = len;
	s->until = until;
	X509_up_ref(leaf);
	s->leaf = leaf;
	return s;
}

struct staple *
staple_up_ref(struct staple *s)
{
	ref_up(&s->ref);
	return s;
}

void
staple_free(struct staple *s)
{
	if (s == NULL || !ref_down(&s->ref))
		return;
	X509_free(s->leaf);
	free(s->der);
	free(s);
}

time_t
staple_until(
    const struct revcheck_result *r, const struct revcheck_policy *policy)
{
	time_t until;

	if (r->status != REVCHECK_GOOD || r->method != REVCHECK_METHOD_OCSP)
		return 0;
	until = r->next_update != 0
	    ? r->next_update
	    : r->this_update + (time_t)policy->no_next_update_sec;
	if (policy->max_age_sec != 0 &&
	    until > r->this_update + (time_t)policy->max_age_sec)
		until = r->this_update + (time_t)policy->max_age_sec;
	return until;
}

/* All of them. */

static size_t
hash_of(const X509 *leaf)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	uint64_t h = 0xcbf29ce484222325ull;

	for (int i = 0; i < ASN1_STRING_length(serial); i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return (size_t)(h ^ h >> 31);
}

/* The slot of leaf, or the free one where it would go. */
static struct staple **
slot_of(const struct staples *s, const X509 *leaf)
{
	size_t i = hash_of(leaf) & (s->num_slots - 1);

	while (s->slots[i] != NULL && X509_cmp(s->slots[i]->leaf, leaf) != 0)
		i = (i + 1) & (s->num_slots - 1);
	return &s->slots[i];
}

int
staples_new(struct staples **out, struct staple *const *list, size_t num,
    struct err *err)
{
	struct staples *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	ref_init(&s->ref);
	for (s->num_slots = 2; s->num_slots < 2 * num;)
		s->num_slots *= 2;
	s->slots = calloc(s->num_slots, sizeof(struct staple *));
	if (s->slots == NULL) {
		free(s);
		return err_set(err, E_NOMEM, "out of memory");
	}
	for (size_t i = 0; i < num; i++) {
		struct staple **slot;

		if (list[i] == NULL)
			continue;
		/* Two identities may show the same certificate. */
		slot = slot_of(s, list[i]->leaf);
		staple_free(*slot);
		*slot = staple_up_ref(list[i]);
	}
	*out = s;
	return 0;
}

struct staples *
staples_up_ref(struct staples *s)
{
	ref_up(&s->ref);
	return s;
}

void
staples_free(struct staples *s)
{
	if (s == NULL || !ref_down(&s->ref))
		return;
	for (size_t i = 0; i < s->num_slots; i++)
		staple_free(s->slots[i]);
	free(s->slots);
	free(s);
}

const struct staple *
staples_find(const struct staples *s, X509 *leaf, time_t at)
{
	const struct staple *found = s != NULL ? *slot_of(s, leaf) : NULL;

	return found != NULL && at < found->until ? found : NULL;
}

/* The handshake. */

int
staple_status_cb(SSL *ssl, void *arg)
{
	const struct handshake *h = SSL_get_app_data(ssl);
	X509 *leaf = SSL_get_certificate(ssl);
	const struct staple *found;
	unsigned char *copy;

	(void)arg;
	if (h == NULL || leaf == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	found = staples_find(h->env->staples, leaf, time(NULL));
	copy = found != NULL ? OPENSSL_memdup(found->der, found->len) : NULL;
	/* libssl takes the copy over. */
	if (copy == NULL ||
	    SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)found->len) != 1) {
		OPENSSL_free(copy);
		counters_inc(h->env->counters, COUNTER_UNSTAPLED);
		return SSL_TLSEXT_ERR_NOACK;
	}
	counters_inc(h->env->counters, COUNTER_STAPLED);
	return SSL_TLSEXT_ERR_OK;
}

bool
staple_is_a_must(const X509 *leaf)
{
	TLS_FEATURE *features =
	    X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
	bool must = false;

	for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++)
		if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) ==
		    TLS_FEATURE_STATUS_REQUEST)
			must = true;
	TLS_FEATURE_free(features);
	return must;
}
