/* evidence: see the header. Any thread. Does not verify signatures. */
#include "cache/evidence/evidence.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>

#include <openssl/evp.h>

static struct evidence *
evidence_new(enum evidence_kind kind, enum evidence_origin origin,
    const char *url, time_t fetched_at)
{
	struct evidence *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	ref_init(&e->ref);
	e->kind = kind;
	e->origin = origin;
	e->fetched_at = fetched_at;
	e->url = strdup(url);
	if (e->url == NULL) {
		free(e);
		return NULL;
	}
	e->cost_bytes = sizeof(*e) + strlen(url) + 1;
	return e;
}

/* Notes. */

struct evidence_note {
	struct evidence_note *next;
	struct evidence_key context;
	void *p; /* owned */
	void (*free_p)(void *p);
};

static void
notes_free(struct evidence_note *n)
{
	struct evidence_note *next;

	for (; n != NULL; n = next) {
		next = n->next;
		n->free_p(n->p);
		free(n);
	}
}

static void *
notes_find(const struct evidence_note *n, const struct evidence_key *context)
{
	for (; n != NULL; n = n->next)
		if (memcmp(&n->context, context, sizeof(*context)) == 0)
			return n->p;
	return NULL;
}

void *
evidence_note_get0(const struct evidence *e, const struct evidence_key *context)
{
	return notes_find(
	    atomic_load_explicit(&e->notes, memory_order_acquire), context);
}

void *
evidence_note_put0(struct evidence *e, const struct evidence_key *context,
    void *p, void (*free_p)(void *p))
{
	struct evidence_note *n;
	void *there;

	if (atomic_fetch_add(&e->num_notes, 1) >= EVIDENCE_NOTES_MAX) {
		atomic_fetch_sub(&e->num_notes, 1);
		return NULL;
	}
	n = malloc(sizeof(*n));
	if (n == NULL) {
		atomic_fetch_sub(&e->num_notes, 1);
		return NULL;
	}
	*n = (struct evidence_note){
	    .context = *context, .p = p, .free_p = free_p};
	n->next = atomic_load(&e->notes);
	do {
		there = notes_find(n->next, context);
		if (there != NULL) {
			atomic_fetch_sub(&e->num_notes, 1);
			free(n);
			free_p(p);
			return there;
		}
	} while (!atomic_compare_exchange_weak(&e->notes, &n->next, n));
	return p;
}

struct evidence *
evidence_new_crl(struct crl *crl, enum evidence_origin origin, const char *url,
    time_t fetched_at)
{
	struct evidence *e =
	    evidence_new(EVIDENCE_CRL, origin, url, fetched_at);

	if (e == NULL) {
		crl_free(crl);
		return NULL;
	}
	e->crl = crl;
	e->cost_bytes += crl_get0_info(crl)->der.len + crl_index_bytes(crl);
	return e;
}

struct evidence *
evidence_new_ocsp(struct span der, enum evidence_origin origin, const char *url,
    time_t fetched_at)
{
	struct evidence *e =
	    evidence_new(EVIDENCE_OCSP, origin, url, fetched_at);

	if (e == NULL)
		return NULL;
	e->der = malloc(der.len > 0 ? der.len : 1);
	if (e->der == NULL) {
		evidence_free(e);
		return NULL;
	}
	if (der.len > 0)
		memcpy(e->der, der.p, der.len);
	e->der_len = der.len;
	e->cost_bytes += der.len;
	return e;
}

struct evidence *
evidence_up_ref(struct evidence *e)
{
	ref_up(&e->ref);
	return e;
}

void
evidence_free(struct evidence *e)
{
	if (e == NULL || !ref_down(&e->ref))
		return;
	notes_free(atomic_load(&e->notes));
	crl_free(e->crl);
	free((void *)e->number.p);
	free(e->der);
	free(e->url);
	free(e);
}

struct span
evidence_der(const struct evidence *e)
{
	if (e->kind == EVIDENCE_CRL)
		return crl_get0_info(e->crl)->der;
	return span_of(e->der, e->der_len);
}

void
evidence_set_number(struct evidence *e, struct span octets)
{
	uint8_t *copy;

	while (octets.len > 1 && octets.p[0] == 0)
		octets = span_of(octets.p + 1, octets.len - 1);
	copy = octets.len > 0 ? malloc(octets.len) : NULL;
	if (copy == NULL)
		return;
	memcpy(copy, octets.p, octets.len);
	free((void *)e->number.p);
	e->number = span_of(copy, octets.len);
}

/* A positive INTEGER against another, content octets, any padding. */
static int
number_compare(struct span a, struct span b)
{
	while (a.len > 0 && a.p[0] == 0)
		a = span_of(a.p + 1, a.len - 1);
	while (b.len > 0 && b.p[0] == 0)
		b = span_of(b.p + 1, b.len - 1);
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len == 0 ? 0 : memcmp(a.p, b.p, a.len);
}

bool
evidence_older(const struct evidence *is, const struct evidence *was)
{
	int order;

	/* RFC 5280 5.2.3: numbers of one scope only ever rise. */
	if (is->number.len > 0 && was->number.len > 0) {
		order = number_compare(is->number, was->number);
		if (order != 0)
			return order < 0;
	}
	return is->this_update < was->this_update;
}

bool
evidence_fresh(const struct evidence *e, time_t now, uint32_t skew_sec)
{
	if (e->this_update > now + (time_t)skew_sec)
		return false;
	if (e->keep_sec != 0 && e->fetched_at + (time_t)e->keep_sec < now)
		return false;
	if (e->next_update != 0)
		return e->next_update + (time_t)skew_sec >= now;
	/* None given: looked at again after a day. */
	return e->fetched_at + 86400 >= now;
}

struct evidence_key
evidence_key_of(const struct span *parts, size_t num_parts)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct evidence_key key = {{0}};
	uint8_t len[8];
	bool ok =
	    ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; ok && i < num_parts; i++) {
		for (int k = 0; k < 8; k++)
			len[k] =
			    (uint8_t)((uint64_t)parts[i].len >> (56 - 8 * k));
		ok = EVP_DigestUpdate(ctx, len, sizeof(len)) == 1 &&
		    EVP_DigestUpdate(ctx, parts[i].p, parts[i].len) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, key.id, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	/*
	 * Without memory the key cannot be computed. A random one is used then,
	 * so that no two contexts ever share a key.
	 */
	if (!ok)
		while (getrandom(key.id, sizeof(key.id), 0) !=
		    (ssize_t)sizeof(key.id))
			continue;
	return key;
}

const char *
evidence_fail_name(enum evidence_fail f)
{
	static const char *const names[] = {"none", "no-source", "scheme",
	    "refused", "unreachable", "deadline", "http", "too-large",
	    "malformed", "rejected", "older", "backoff", "offline", "closed",
	    "nomem"};

	if ((size_t)f >= sizeof(names) / sizeof(names[0]))
		return "?";
	return names[f];
}

void
evidence_failure_set(struct evidence_failure *f, enum evidence_fail fail,
    const char *url, const char *fmt, ...)
{
	va_list ap;

	*f = (struct evidence_failure){.fail = fail};
	snprintf(f->url, sizeof(f->url), "%s", url != NULL ? url : "");
	va_start(ap, fmt);
	vsnprintf(f->msg, sizeof(f->msg), fmt, ap);
	va_end(ap);
}
