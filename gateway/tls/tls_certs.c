/*
 * tls_certs: a set-associative table a thread. Sets are chosen by a hash with
 * a secret, so that nobody can aim at one.
 */
#include "gateway/tls/tls_certs.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#define TLS_CERTS_WAYS 4
#define TLS_CERTS_SETS (TLS_CERTS_MAX / TLS_CERTS_WAYS)

struct tls_cert {
	X509 *cert; /* a reference */
	uint64_t used;
	bool again; /* it has come again */
	size_t len;
	uint8_t der[];
};

struct tls_certs_memory {
	uint64_t secret, clock;
	struct tls_certs_stats stats;
	struct tls_cert *sets[TLS_CERTS_SETS][TLS_CERTS_WAYS]; /* NULL: free */
};

typedef X509 *tls_certs_d2i_fn(X509 **, const unsigned char **, long);

/* Written once, under the pthread_once below. */
static tls_certs_d2i_fn *tls_certs_full; /* OpenSSL's own */
static pthread_key_t tls_certs_at_exit;
static bool tls_certs_has_exit;

static _Thread_local struct tls_certs_memory *tls_certs_here;
static _Thread_local struct tls_certs *tls_certs_sent; /* NULL: outside */

static void
tls_cert_free(struct tls_cert *c)
{
	if (c == NULL)
		return;
	X509_free(c->cert);
	free(c);
}

/* The memory. */

static void
tls_certs_free(void *p)
{
	struct tls_certs_memory *m = p;

	tls_certs_here = NULL;
	for (size_t i = 0; i < TLS_CERTS_SETS; i++)
		for (size_t w = 0; w < TLS_CERTS_WAYS; w++)
			tls_cert_free(m->sets[i][w]);
	free(m);
}

static void
tls_certs_set_up(void)
{
	/* NULL where libcrypto is no shared library; nothing is read then. */
	*(void **)&tls_certs_full = dlsym(RTLD_NEXT, "d2i_X509");
	tls_certs_has_exit =
	    pthread_key_create(&tls_certs_at_exit, tls_certs_free) == 0;
}

static void
tls_certs_begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, tls_certs_set_up);
}

/* NULL: nothing is remembered. */
static struct tls_certs_memory *
tls_certs_get(void)
{
	struct tls_certs_memory *m = tls_certs_here;

	if (m != NULL)
		return m;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return NULL;
	if (RAND_bytes((unsigned char *)&m->secret, sizeof(m->secret)) != 1 ||
	    !tls_certs_has_exit ||
	    pthread_setspecific(tls_certs_at_exit, m) != 0) {
		free(m);
		return NULL;
	}
	tls_certs_here = m;
	return m;
}

static struct tls_cert **
tls_certs_set_of(struct tls_certs_memory *m, const uint8_t *der, size_t len)
{
	uint64_t h = m->secret ^ len, word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		size_t n = len - i < sizeof(word) ? len - i : sizeof(word);

		word = 0;
		memcpy(&word, der + i, n);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return m->sets[(h >> 32) % TLS_CERTS_SETS];
}

/* Where these bytes are, or NULL. */
static struct tls_cert *
tls_certs_find(struct tls_cert **set, const uint8_t *der, size_t len)
{
	for (size_t i = 0; i < TLS_CERTS_WAYS; i++)
		if (set[i] != NULL && set[i]->len == len &&
		    memcmp(set[i]->der, der, len) == 0)
			return set[i];
	return NULL;
}

/* Takes it over, in the place of the one not used for longest. */
static void
tls_certs_add(struct tls_certs_memory *m, struct tls_cert *c)
{
	struct tls_cert **set = tls_certs_set_of(m, c->der, c->len);
	struct tls_cert **place = set;

	if (tls_certs_find(set, c->der, c->len) != NULL) {
		tls_cert_free(c);
		return;
	}
	for (size_t i = 0; i < TLS_CERTS_WAYS && *place != NULL; i++)
		if (set[i] == NULL || set[i]->used < (*place)->used)
			place = &set[i];
	if (*place == NULL)
		m->stats.kept++;
	tls_cert_free(*place);
	*place = c;
	c->used = ++m->clock;
}

void
tls_certs_trim(void)
{
	struct tls_certs_memory *m = tls_certs_here;

	for (size_t i = 0; m != NULL && i < TLS_CERTS_MAX; i++) {
		struct tls_cert **c =
		    &m->sets[i / TLS_CERTS_WAYS][i % TLS_CERTS_WAYS];

		if (*c == NULL || (*c)->again)
			continue;
		tls_cert_free(*c);
		*c = NULL;
		m->stats.kept--;
	}
}

/* One peer's. */

/* Not on the stack of a job: the generator of random numbers is deep. */
void
tls_certs_enter(struct tls_certs *sent)
{
	tls_certs_begin();
	(void)tls_certs_get();
	tls_certs_sent = sent;
}

void
tls_certs_leave(void)
{
	tls_certs_sent = NULL;
}

void
tls_certs_keep(struct tls_certs *sent)
{
	while (tls_certs_here != NULL && sent->num > 0)
		tls_certs_add(tls_certs_here, sent->v[--sent->num]);
	tls_certs_drop(sent);
}

void
tls_certs_drop(struct tls_certs *sent)
{
	while (sent->num > 0)
		tls_cert_free(sent->v[--sent->num]);
}

/* Without memory it is parsed again when it comes again. */
static void
tls_certs_note(
    struct tls_certs *sent, X509 *cert, const uint8_t *der, size_t len)
{
	struct tls_cert *c;

	if (sent->num == TLS_CERTS_EACH)
		return;
	c = malloc(sizeof(*c) + len);
	if (c == NULL)
		return;
	X509_up_ref(cert);
	c->cert = cert;
	c->again = false;
	c->len = len;
	memcpy(c->der, der, len);
	sent->v[sent->num++] = c;
}

/* In the place of OpenSSL's. */

/* Of libssl, with an empty certificate of the context of TLS in *a. */
static X509 *
tls_certs_read(X509 **a, const unsigned char **in, size_t len)
{
	struct tls_certs_memory *m = tls_certs_here;
	const unsigned char *der = *in;
	struct tls_cert *c = m == NULL
	    ? NULL
	    : tls_certs_find(tls_certs_set_of(m, der, len), der, len);
	X509 *cert;

	if (c != NULL && X509_up_ref(c->cert) == 1) {
		c->used = ++m->clock;
		m->stats.found++;
		c->again = true;
		X509_free(*a);
		*a = c->cert;
		*in += len;
		return c->cert;
	}
	cert = tls_certs_full(a, in, (long)len);
	if (m != NULL)
		m->stats.missed++;
	/* What is behind a certificate is libssl's to complain of. */
	if (cert != NULL && *in == der + len)
		tls_certs_note(tls_certs_sent, cert, der, len);
	return cert;
}

X509 *
tls_certs_d2i(X509 **a, const unsigned char **in, long len)
{
	if (tls_certs_sent != NULL && a != NULL && *a != NULL && len > 0 &&
	    len <= TLS_CERTS_DER_MAX)
		return tls_certs_read(a, in, (size_t)len);
	tls_certs_begin();
	return tls_certs_full != NULL ? tls_certs_full(a, in, len) : NULL;
}

void
tls_certs_stats(struct tls_certs_stats *out)
{
	*out = tls_certs_here != NULL ? tls_certs_here->stats
				      : (struct tls_certs_stats){0};
}
