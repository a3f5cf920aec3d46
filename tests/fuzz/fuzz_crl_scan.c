/*
 * fuzz_crl_scan: the streaming scanner. However the bytes arrive, the outcome
 * is the same; what the fast path passes the strict reader accepts; and on
 * every input that OpenSSL reads as well, both see the same entries and give
 * the same answers.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "cache/crl/crl.h"
#include "cache/crl/crl_entry.h"

const char fuzz_seeds[] = ".crl";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Pieces of sizes that the input chooses. */
static struct crl *
in_pieces(const uint8_t *p, size_t len)
{
	struct crl_builder *b = crl_builder_new(NULL);
	uint32_t seed = len > 0 ? p[len / 2] * 2654435761u + 1 : 1;
	struct crl *c = NULL;
	struct err err;
	size_t at = 0, n;
	int rc = 0;

	assert(b != NULL);
	while (rc == 0 && at < len) {
		seed = seed * 1103515245u + 12345;
		n = 1 + (seed >> 16) % (seed & 0x100 ? 7 : 300);
		if (n > len - at)
			n = len - at;
		rc = crl_builder_feed(b, span_of(p + at, n), NULL, &err);
		at += n;
	}
	if (rc == 0)
		rc = crl_builder_finish(b, &c, NULL, &err);
	assert((rc == 0) == (c != NULL));
	crl_builder_free(b);
	return c;
}

static struct crl *
taken(const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct crl *c;
	struct err err;

	assert(copy != NULL);
	if (len > 0)
		memcpy(copy, p, len);
	if (crl_parse_take(copy, len, NULL, &c, NULL, &err) != 0)
		return NULL;
	return c;
}

static void
same(const struct crl *a, const struct crl *b)
{
	const struct crl_info *x = crl_get0_info(a), *y = crl_get0_info(b);
	struct crl_entry e, f;
	size_t p = 0, q = 0, num = 0;

	assert(span_equal(x->der, y->der));
	assert(x->num_entries == y->num_entries && x->flaws == y->flaws);
	assert(x->digest_nid == y->digest_nid);
	assert(memcmp(x->digest, y->digest, x->digest_len) == 0);
	assert(x->flawed_entry == y->flawed_entry);
	while (crl_next(a, &p, &e)) {
		assert(crl_next(b, &q, &f) && p == q);
		assert(
		    e.certificate_issuer.len == 0 || x->has_certificate_issuer);
		assert(span_equal(e.serial, f.serial));
		assert(crl_find(
		    b, e.serial, e.certificate_issuer, NULL, NULL, &f));
		assert(crl_entry_rank(f.reason) >= crl_entry_rank(e.reason));
		num++;
	}
	assert(!crl_next(b, &q, &f) && num == x->num_entries);
}

static void
strict(const struct crl *c)
{
	struct crl_entry_traits traits;
	struct crl_entry e, again;
	size_t at = 0, from;
	struct span body;
	struct der d;

	/* Entries stand one behind the other; the first is found by its end. */
	while (from = at, crl_next(c, &at, &e)) {
		if (from == 0)
			continue;
		der_init(
		    &d, span_of(crl_get0_info(c)->der.p + from, at - from));
		assert(der_get(&d, DER_SEQUENCE, &body) && der_done(&d));
		assert(crl_entry_read(body, &again, &traits));
		assert(again.revoked_at == e.revoked_at);
		assert(crl_get0_info(c)->flawed_entry > 0 || traits.flaws == 0);
		assert(again.reason == e.reason);
	}
}

static time_t
openssl_time(const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	return timegm(&tm);
}

/* What is read of a flawed value is ours to decide; OpenSSL has another view.
 */
#define DATE_FLAWS                                                 \
	(CRL_FLAW_DATE | CRL_FLAW_LOOSE_DATE | CRL_FLAW_FRACTION | \
	    CRL_FLAW_ENTRY_DATE)
#define VALUE_FLAWS                                  \
	(CRL_FLAW_ENTRY_VALUE | CRL_FLAW_EXTENSION | \
	    CRL_FLAW_DEFAULT_WRITTEN | CRL_FLAW_REST | CRL_FLAW_ENTRY_DATE)

static void
against_openssl(const struct crl *c, const uint8_t *p, size_t len)
{
	const unsigned char *at = p;
	X509_CRL *x = d2i_X509_CRL(NULL, &at, (long)len);
	STACK_OF(X509_REVOKED) * all;
	const struct crl_info *info = crl_get0_info(c);
	bool dates = (info->flaws & DATE_FLAWS) == 0;
	bool values = (info->flaws & VALUE_FLAWS) == 0;
	struct crl_entry e, found;
	size_t pos = 0;
	int num;

	if (x == NULL || at != p + len)
		goto out;
	all = X509_CRL_get_REVOKED(x);
	num = all != NULL ? sk_X509_REVOKED_num(all) : 0;
	assert((size_t)num == info->num_entries);
	for (int i = 0; i < num; i++) {
		X509_REVOKED *r = sk_X509_REVOKED_value(all, i);
		const ASN1_INTEGER *n = X509_REVOKED_get0_serialNumber(r);
		unsigned char *der = NULL;
		struct der d;
		struct span serial;
		int n_len = i2d_ASN1_INTEGER(n, &der), crit;
		ASN1_ENUMERATED *reason;

		assert(crl_next(c, &pos, &e));
		assert(n_len > 0);
		der_init(&d, span_of(der, (size_t)n_len));
		assert(der_integer(&d, &serial));
		assert(span_equal(der_serial_trim(serial), e.serial));
		assert(!dates ||
		    openssl_time(X509_REVOKED_get0_revocationDate(r)) ==
			e.revoked_at);
		reason =
		    X509_REVOKED_get_ext_d2i(r, NID_crl_reason, &crit, NULL);
		assert(!values || reason == NULL ||
		    ASN1_ENUMERATED_get(reason) == e.reason);
		ASN1_ENUMERATED_free(reason);
		assert(crl_find(
		    c, serial, e.certificate_issuer, NULL, NULL, &found));
		OPENSSL_free(der);
	}
	assert(!crl_next(c, &pos, &e));
	assert(!dates ||
	    openssl_time(X509_CRL_get0_lastUpdate(x)) == info->this_update);
out:
	X509_CRL_free(x);
	ERR_clear_error();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crl *whole = NULL, *pieces = in_pieces(data, size), *own = NULL;
	struct err err;

	if (crl_parse(span_of(data, size), NULL, &whole, NULL, &err) != 0)
		whole = NULL;
	assert((whole == NULL) == (pieces == NULL));
	/* Taken bytes are DER; PEM has to be decoded on the way. */
	if (size > 0 && data[0] == 0x30) {
		own = taken(data, size);
		assert((whole == NULL) == (own == NULL));
	}
	if (whole != NULL) {
		same(whole, pieces);
		strict(whole);
	}
	if (own != NULL) {
		same(whole, own);
		against_openssl(whole, data, size);
	}
	crl_free(whole);
	crl_free(pieces);
	crl_free(own);
	return 0;
}
