/*
 * cert_sources: see the header. Parses extensions and hashes keys once for each
 * certificate; the result is read by any thread.
 */
#include "revcheck/engine/cert_sources.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "cache/base/url_text.h"
#include "revcheck/engine/report.h"
#include "revcheck/ocsp/ocsp.h"
#include "revcheck/x509/certs.h"

#define MEMO_SHARDS     64
#define MEMO_BUCKETS    256
#define MEMO_SHARD_MAX  512 /* 32768 entries in all */
#define KEY_PARTS_MAX   64
#define SOURCE_URLS_MAX 16 /* of one point or responder list */

/* Who trusts the issuer is not in it: documents are held once for all. */
static struct evidence_key
key_of(const struct cert_sources *s, const char *kind, struct span id,
    const char *const *urls)
{
	struct span parts[KEY_PARTS_MAX];
	size_t n = 0;

	parts[n++] = span_of(kind, strlen(kind));
	parts[n++] = span_of(s->owner, sizeof(s->owner));
	parts[n++] = id;
	for (; urls != NULL && *urls != NULL && n < KEY_PARTS_MAX; urls++)
		parts[n++] = span_of(*urls, strlen(*urls));
	return evidence_key_of(parts, n);
}

static void
digest_of(uint8_t out[32], X509 *cert)
{
	unsigned int len;

	memset(out, 0, 32);
	if (cert != NULL)
		X509_digest(cert, EVP_sha256(), out, &len);
}

/* All that a proof may not be shared across: see cert_sources.h. */
static struct evidence_key
context_of(const struct cert_sources *s)
{
	uint8_t rules[8] = {(uint8_t)s->relax, (uint8_t)(s->relax >> 8),
	    (uint8_t)(s->relax >> 16), (uint8_t)(s->relax >> 24),
	    (uint8_t)s->security_level};
	uint8_t anchor[32], pinned[32];
	struct span parts[5];

	digest_of(anchor, s->anchor);
	digest_of(pinned, s->rule != NULL ? s->rule->ocsp_signer : NULL);
	parts[0] = span_of("context", 7);
	parts[1] = span_of(s->owner, sizeof(s->owner));
	parts[2] = span_of(anchor, sizeof(anchor));
	parts[3] = span_of(rules, sizeof(rules));
	parts[4] = span_of(pinned, sizeof(pinned));
	return evidence_key_of(parts, 5);
}

/*
 * What a revocation is remembered by. With the anchor: what a signer lists that
 * another anchor vouches for is not known under this one.
 */
static void
identity_of(struct cert_sources *s, struct span serial)
{
	struct evidence_key k;
	struct span parts[3];
	uint8_t anchor[32];

	digest_of(anchor, s->anchor);
	parts[0] = span_of(s->owner, sizeof(s->owner));
	parts[1] = serial;
	parts[2] = span_of(anchor, sizeof(anchor));
	k = evidence_key_of(parts, 3);
	memcpy(s->identity, k.id, sizeof(s->identity));
	/* Whoever tells of it may know it under another anchor. */
	while (serial.len > 0 && serial.p[0] == 0)
		serial = span_of(serial.p + 1, serial.len - 1);
	parts[1] = serial;
	k = evidence_key_of(parts, 2);
	memcpy(s->word, k.id, sizeof(s->word));
}

static size_t
num_urls(const char *const *urls)
{
	size_t n = 0;

	while (urls != NULL && urls[n] != NULL)
		n++;
	return n > SOURCE_URLS_MAX ? SOURCE_URLS_MAX : n;
}

static struct cert_sources_point
point_of(const struct cert_sources *s, const char *kind, struct span id,
    const char *const *urls)
{
	struct cert_sources_point p = {
	    .urls = urls, .num_urls = num_urls(urls)};

	if (p.num_urls > 0)
		p.key = key_of(s, kind, id, urls);
	return p;
}

struct evidence_key
cert_sources_delta_key(const struct cert_sources *s, const char *const *urls)
{
	return key_of(s, "crl-delta", span_of(NULL, 0), urls);
}

/* One certificate. */

static int
cert_sources_points(struct cert_sources *s, struct err *err)
{
	size_t of_cert = crl_subject_num_points(s->crl), of_rule = 0, n = 0;
	const char *const *urls;

	if (s->rule != NULL && s->rule->crl_urls != NULL)
		of_rule = 1;
	if (of_cert + of_rule == 0)
		return 0;
	s->points = calloc(of_cert + of_rule, sizeof(*s->points));
	if (s->points == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (of_rule == 1) {
		s->points[n] = point_of(s, "crl", span_of(NULL, 0),
		    (const char *const *)s->rule->crl_urls);
		n += s->points[n].num_urls > 0;
	}
	for (size_t i = 0; i < of_cert; i++) {
		urls = crl_subject_urls(s->crl, i);
		s->points[n] = point_of(s, "crl", span_of(NULL, 0), urls);
		n += s->points[n].num_urls > 0;
	}
	s->num_points = n;
	s->delta = point_of(
	    s, "crl-delta", span_of(NULL, 0), crl_subject_delta_urls(s->crl));
	return 0;
}

static void
keep_context(struct cert_sources *s, X509 *cert, X509 *issuer,
    const struct cert_sources_context *ctx)
{
	X509_up_ref(cert);
	s->cert = cert;
	X509_up_ref(issuer);
	s->issuer = issuer;
	if (ctx->anchor != NULL) {
		X509_up_ref(ctx->anchor);
		s->anchor = ctx->anchor;
	}
	s->rules = ctx->rules;
	s->relax = ctx->relax;
	s->security_level = ctx->security_level;
	if (ctx->rules != NULL) {
		s->rules_ref =
		    issuer_rules_up_ref((struct issuer_rules *)ctx->rules);
		s->rule = issuer_rules_find(ctx->rules, issuer);
	}
}

static int
cert_sources_new(struct cert_sources **out, X509 *cert, X509 *issuer,
    const struct cert_sources_context *ctx, struct err *err)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	struct span parts[2];
	struct evidence_key cert_id;
	struct cert_sources *s;
	const unsigned char *name;
	size_t name_len;
	const char *const *ocsp;
	int rc;

	*out = NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	ref_init(&s->ref);
	keep_context(s, cert, issuer, ctx);
	if (!certs_spki_sha256(s->owner, issuer) ||
	    !certs_spki_sha256(s->spki_sha256, cert)) {
		rc = err_ossl(err, E_PARSE, "cannot encode a public key");
		goto out;
	}
	if (!X509_NAME_get0_der(X509_get_issuer_name(cert), &name, &name_len)) {
		rc = err_ossl(err, E_PARSE, "cannot encode an issuer's name");
		goto out;
	}
	/* The whole of certID: issuer key (in key_of), issuer name, serial. */
	parts[0] = span_of(name, name_len);
	parts[1] = span_of(
	    ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	cert_id = evidence_key_of(parts, 2);
	identity_of(s, parts[1]);
	s->context = context_of(s);
	parts[0] = span_of(s->context.id, sizeof(s->context.id));
	parts[1] = span_of(cert_id.id, sizeof(cert_id.id));
	s->ocsp_context = evidence_key_of(parts, 2);
	rc = crl_subject_new(&s->crl, cert, issuer, err);
	if (rc != 0)
		goto out;
	s->aia_urls = ocsp_urls_of(cert);
	if (s->aia_urls == NULL) {
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	ocsp =
	    (const char *const *)(s->rule != NULL && s->rule->ocsp_urls != NULL
		    ? s->rule->ocsp_urls
		    : s->aia_urls);
	s->ocsp =
	    point_of(s, "ocsp", span_of(cert_id.id, sizeof(cert_id.id)), ocsp);
	rc = cert_sources_points(s, err);
	if (rc != 0)
		goto out;
	s->blank.reason = REVCHECK_REASON_NONE;
	report_describe(&s->blank, cert);
	*out = s;
	s = NULL;
	rc = 0;
out:
	cert_sources_free(s);
	return rc;
}

struct cert_sources *
cert_sources_up_ref(struct cert_sources *s)
{
	ref_up(&s->ref);
	return s;
}

void
cert_sources_free(struct cert_sources *s)
{
	if (s == NULL || !ref_down(&s->ref))
		return;
	X509_free(s->cert);
	X509_free(s->issuer);
	X509_free(s->anchor);
	crl_subject_free(s->crl);
	ocsp_urls_free(s->aia_urls);
	issuer_rules_free(s->rules_ref);
	free(s->points);
	free(s);
}

/* The memo. */

struct memo_shard {
	pthread_mutex_t lock;
	size_t num;
	struct cert_sources *bucket[MEMO_BUCKETS];
};

struct cert_sources_memo {
	struct memo_shard shard[MEMO_SHARDS];
};

struct cert_sources_memo *
cert_sources_memo_new(void)
{
	struct cert_sources_memo *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	for (size_t i = 0; i < MEMO_SHARDS; i++)
		pthread_mutex_init(&m->shard[i].lock, NULL);
	return m;
}

static void
shard_clear(struct memo_shard *sh)
{
	for (size_t i = 0; i < MEMO_BUCKETS; i++) {
		struct cert_sources *s = sh->bucket[i], *next;

		sh->bucket[i] = NULL;
		for (; s != NULL; s = next) {
			next = s->next;
			cert_sources_free(s);
		}
	}
	sh->num = 0;
}

void
cert_sources_memo_clear(struct cert_sources_memo *m)
{
	for (size_t i = 0; i < MEMO_SHARDS; i++) {
		pthread_mutex_lock(&m->shard[i].lock);
		shard_clear(&m->shard[i]);
		pthread_mutex_unlock(&m->shard[i].lock);
	}
}

/* Newest first, as they lie in their buckets. */
static struct cert_sources *
shard_take(struct memo_shard *sh, time_t since)
{
	struct cert_sources *taken = NULL, *s;

	for (size_t i = 0; i < MEMO_BUCKETS; i++)
		while ((s = sh->bucket[i]) != NULL && s->met >= since) {
			sh->bucket[i] = s->next;
			s->next = taken;
			taken = s;
			sh->num--;
		}
	return taken;
}

void
cert_sources_memo_trim(struct cert_sources_memo *m, time_t since)
{
	for (size_t i = 0; i < MEMO_SHARDS; i++) {
		struct cert_sources *s, *next;

		pthread_mutex_lock(&m->shard[i].lock);
		s = shard_take(&m->shard[i], since);
		pthread_mutex_unlock(&m->shard[i].lock);
		for (; s != NULL; s = next) {
			next = s->next;
			cert_sources_free(s);
		}
	}
}

void
cert_sources_memo_free(struct cert_sources_memo *m)
{
	if (m == NULL)
		return;
	cert_sources_memo_clear(m);
	for (size_t i = 0; i < MEMO_SHARDS; i++)
		pthread_mutex_destroy(&m->shard[i].lock);
	free(m);
}

static bool
same_or_both_null(X509 *a, X509 *b)
{
	if (a == b)
		return true;
	return a != NULL && b != NULL && X509_cmp(a, b) == 0;
}

static bool
cert_sources_fits(const struct cert_sources *s, X509 *cert, X509 *issuer,
    const struct cert_sources_context *ctx)
{
	if (s->rules != ctx->rules || s->relax != ctx->relax ||
	    s->security_level != ctx->security_level)
		return false;
	return X509_cmp(s->cert, cert) == 0 &&
	    X509_cmp(s->issuer, issuer) == 0 &&
	    same_or_both_null(s->anchor, ctx->anchor);
}

/*
 * The end of the signature: what OpenSSL computes takes locks that all threads
 * share. Whole encodings are compared on a hit, so a collision costs time and
 * no more.
 */
static uint64_t
fingerprint(X509 *cert)
{
	const ASN1_BIT_STRING *sig;
	uint64_t print = 0;
	size_t len;

	X509_get0_signature(&sig, NULL, cert);
	len = sig != NULL ? (size_t)ASN1_STRING_length(sig) : 0;
	if (len >= sizeof(print))
		memcpy(&print, ASN1_STRING_get0_data(sig) + len - sizeof(print),
		    sizeof(print));
	return print;
}

int
cert_sources_memo_get(struct cert_sources_memo *m, struct cert_sources **out,
    X509 *cert, X509 *issuer, const struct cert_sources_context *ctx,
    struct err *err)
{
	uint64_t print = fingerprint(cert);
	struct memo_shard *sh = &m->shard[print % MEMO_SHARDS];
	struct cert_sources *s,
	    **slot = &sh->bucket[print / MEMO_SHARDS % MEMO_BUCKETS];
	int rc;

	pthread_mutex_lock(&sh->lock);
	for (s = *slot; s != NULL; s = s->next)
		if (cert_sources_fits(s, cert, issuer, ctx))
			break;
	if (s != NULL)
		*out = cert_sources_up_ref(s);
	pthread_mutex_unlock(&sh->lock);
	if (s != NULL)
		return 0;
	rc = cert_sources_new(out, cert, issuer, ctx, err);
	if (rc != 0)
		return rc;
	s = *out;
	assert(s != NULL);
	s->met = time(NULL);
	pthread_mutex_lock(&sh->lock);
	if (sh->num >= MEMO_SHARD_MAX)
		shard_clear(sh);
	/* Two threads may both have made one; the newer is found first. */
	s->next = *slot;
	*slot = cert_sources_up_ref(s);
	sh->num++;
	pthread_mutex_unlock(&sh->lock);
	return 0;
}

/* Per-issuer rules. */

static void
url_list_free(char **urls)
{
	for (size_t i = 0; urls != NULL && urls[i] != NULL; i++)
		free(urls[i]);
	free(urls);
}

static char **
url_list_copy(const char *const *urls)
{
	size_t n = 0;
	char **copy;

	while (urls[n] != NULL)
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < n; i++) {
		/* What cannot be asked is kept, to be told when it is. */
		(void)!url_normalise(
		    &copy[i], span_of(urls[i], strlen(urls[i])), NULL);
		if (copy[i] == NULL) {
			url_list_free(copy);
			return NULL;
		}
	}
	return copy;
}

int
issuer_rules_new(struct issuer_rules **out,
    const struct revcheck_issuer_rule *rules, size_t num, struct err *err)
{
	struct issuer_rules *r;

	*out = NULL;
	r = calloc(1, sizeof(*r) + num * sizeof(r->v[0]));
	if (r == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	ref_init(&r->ref);
	for (size_t i = 0; i < num; i++) {
		const struct revcheck_issuer_rule *in = &rules[i];
		struct issuer_rule *v = &r->v[i];

		if (in->ski == NULL || in->ski_len == 0 ||
		    in->ski_len > sizeof(v->ski) ||
		    (unsigned)in->mode > REVCHECK_MODE_HARD_FAIL) {
			issuer_rules_free(r);
			return err_set(err, E_ARG,
			    "issuer rule %zu: a key identifier of 1..64 "
			    "octets and a mode are expected",
			    i);
		}
		r->num = i + 1;
		memcpy(v->ski, in->ski, in->ski_len);
		v->ski_len = in->ski_len;
		v->mode = in->mode;
		v->exempt = in->exempt != 0;
		if (in->ocsp_urls != NULL)
			v->ocsp_urls = url_list_copy(in->ocsp_urls);
		if (in->crl_urls != NULL)
			v->crl_urls = url_list_copy(in->crl_urls);
		if ((in->ocsp_urls != NULL && v->ocsp_urls == NULL) ||
		    (in->crl_urls != NULL && v->crl_urls == NULL)) {
			issuer_rules_free(r);
			return err_set(err, E_NOMEM, "out of memory");
		}
		if (in->ocsp_signer != NULL) {
			X509_up_ref(in->ocsp_signer);
			v->ocsp_signer = in->ocsp_signer;
		}
	}
	*out = r;
	return 0;
}

struct issuer_rules *
issuer_rules_up_ref(struct issuer_rules *r)
{
	ref_up(&r->ref);
	return r;
}

void
issuer_rules_free(struct issuer_rules *r)
{
	if (r == NULL || !ref_down(&r->ref))
		return;
	for (size_t i = 0; i < r->num; i++) {
		url_list_free(r->v[i].ocsp_urls);
		url_list_free(r->v[i].crl_urls);
		X509_free(r->v[i].ocsp_signer);
	}
	free(r);
}

const struct issuer_rule *
issuer_rules_find(const struct issuer_rules *r, X509 *issuer)
{
	const ASN1_OCTET_STRING *ski;
	unsigned char sha1[20];
	const unsigned char *id;
	size_t len;

	if (r == NULL || r->num == 0)
		return NULL;
	ski = X509_get0_subject_key_id(issuer);
	if (ski != NULL) {
		id = ASN1_STRING_get0_data(ski);
		len = (size_t)ASN1_STRING_length(ski);
	} else {
		/* RFC 5280 4.2.1.2 (1): SHA-1 of the key's BIT STRING. */
		if (X509_pubkey_digest(issuer, EVP_sha1(), sha1, NULL) != 1)
			return NULL;
		id = sha1;
		len = sizeof(sha1);
	}
	for (size_t i = 0; i < r->num; i++)
		if (r->v[i].ski_len == len && memcmp(r->v[i].ski, id, len) == 0)
			return &r->v[i];
	return NULL;
}
