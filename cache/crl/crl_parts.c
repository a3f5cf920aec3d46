/*
 * crl_parts: CertificateList and TBSCertList without the entries (RFC 5280
 * 5.1). Pure, any thread. What breaks the profile but not the syntax becomes a
 * flaw.
 */
#include "cache/crl/crl_parts.h"

#include "cache/crl/crl_entry.h"
#include "cache/der/der.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* Reads elements of a parent that may not have arrived as a whole. */
struct partial {
	const uint8_t *p;
	size_t left;   /* arrived */
	size_t parent; /* bytes up to the end of the parent */
};

/*
 * The header at p->p: tag, header length and body length, all bounded by the
 * parent. Whether the body has arrived is left to the caller.
 */
static enum crl_part
partial_header(const struct partial *p, int *tag, size_t *header, size_t *body)
{
	size_t num, len;

	if (p->parent < 2)
		return CRL_PART_BAD;
	if (p->left < 2)
		return CRL_PART_MORE;
	*tag = p->p[0];
	*header = 2;
	len = p->p[1];
	if ((*tag & 0x1f) == 0x1f)
		return CRL_PART_BAD;
	if (len >= 0x80) {
		num = len & 0x7f;
		/* A length of eight octets is no CRL that could be read. */
		if (num == 0 || num > 7 || num > p->parent - 2)
			return CRL_PART_BAD;
		if (p->left < 2 + num)
			return CRL_PART_MORE;
		if (p->p[2] == 0)
			return CRL_PART_BAD;
		len = 0;
		for (size_t i = 0; i < num; i++)
			len = len << 8 | p->p[2 + i];
		if (len < 0x80)
			return CRL_PART_BAD;
		*header += num;
	}
	if (len > p->parent - *header)
		return CRL_PART_BAD;
	*body = len;
	return CRL_PART_OK;
}

static void
partial_skip(struct partial *p, size_t n)
{
	p->p += n;
	p->left -= n;
	p->parent -= n;
}

/* Descends into a constructed element, whose body may still be arriving. */
static enum crl_part
partial_enter(struct partial *p, int tag)
{
	size_t header, body;
	int got;
	enum crl_part r = partial_header(p, &got, &header, &body);

	if (r != CRL_PART_OK)
		return r;
	if (got != tag)
		return CRL_PART_BAD;
	partial_skip(p, header);
	p->parent = body;
	return CRL_PART_OK;
}

/* Reads one whole element with this tag. */
static enum crl_part
partial_get(struct partial *p, int tag, struct span *body, struct span *whole)
{
	size_t header, len;
	int got;
	enum crl_part r = partial_header(p, &got, &header, &len);

	if (r != CRL_PART_OK)
		return r;
	if (got != tag)
		return CRL_PART_BAD;
	if (p->left < header + len)
		return CRL_PART_MORE;
	*body = span_of(p->p + header, len);
	*whole = span_of(p->p, header + len);
	partial_skip(p, header + len);
	return CRL_PART_OK;
}

/* The next tag; -1 at the end of the parent, -2 when it has not arrived. */
static int
partial_peek(const struct partial *p)
{
	if (p->parent == 0)
		return -1;
	return p->left == 0 ? -2 : p->p[0];
}

enum crl_part
crl_head_size(struct span in, size_t *total)
{
	/* No parent bounds the outermost element. */
	struct partial p = {.p = in.p, .left = in.len, .parent = SIZE_MAX / 2};
	size_t header, body;
	int tag;
	enum crl_part r = partial_header(&p, &tag, &header, &body);

	if (r != CRL_PART_OK)
		return r;
	if (tag != DER_SEQUENCE)
		return CRL_PART_BAD;
	*total = header + body;
	return CRL_PART_OK;
}

static bool
algorithm_ok(struct span body)
{
	struct der d;
	struct span oid;

	der_init(&d, body);
	if (!der_get(&d, DER_OID, &oid) || oid.len == 0)
		return false;
	return der_done(&d) || (der_any(&d, NULL, NULL, NULL) && der_done(&d));
}

static enum crl_part
head_version(struct crl *c, struct partial *p)
{
	struct span body, whole;
	enum crl_part r;
	struct der d;
	uint64_t v;

	c->info.version = 1;
	if (partial_peek(p) == -2)
		return CRL_PART_MORE;
	if (partial_peek(p) != DER_INTEGER) {
		c->info.flaws |= CRL_FLAW_V1;
		return CRL_PART_OK;
	}
	r = partial_get(p, DER_INTEGER, &body, &whole);
	if (r != CRL_PART_OK)
		return r;
	der_init(&d, whole);
	if (!der_uint(&d, &v) || v > 255)
		return CRL_PART_BAD;
	c->info.version = (int)v + 1;
	/* RFC 5280 5.1.2.1: present means v2. */
	if (v != 1)
		c->info.flaws |= CRL_FLAW_VERSION;
	return CRL_PART_OK;
}

static enum crl_part
head_time(struct partial *p, time_t *out)
{
	struct span body, whole;
	int tag = partial_peek(p);
	enum crl_part r;
	struct der d;

	if (tag == -2)
		return CRL_PART_MORE;
	if (tag != DER_UTC_TIME && tag != DER_GENERAL_TIME)
		return CRL_PART_BAD;
	r = partial_get(p, tag, &body, &whole);
	if (r != CRL_PART_OK)
		return r;
	der_init(&d, whole);
	return der_time(&d, out) ? CRL_PART_OK : CRL_PART_BAD;
}

static enum crl_part
head_dates(struct crl *c, struct partial *p, const char **what)
{
	enum crl_part r;
	int tag;

	*what = "a malformed thisUpdate";
	r = head_time(p, &c->info.this_update);
	if (r != CRL_PART_OK)
		return r;
	*what = "a malformed nextUpdate";
	tag = partial_peek(p);
	if (tag == -2)
		return CRL_PART_MORE;
	c->info.has_next_update =
	    tag == DER_UTC_TIME || tag == DER_GENERAL_TIME;
	if (!c->info.has_next_update)
		return CRL_PART_OK;
	return head_time(p, &c->info.next_update);
}

static enum crl_part
head_entries(struct partial *p, const uint8_t *start, struct crl_head *head)
{
	size_t header, body;
	enum crl_part r;
	int tag = partial_peek(p);

	head->has_entries = false;
	if (tag == DER_SEQUENCE) {
		r = partial_header(p, &tag, &header, &body);
		if (r != CRL_PART_OK)
			return r;
		partial_skip(p, header);
		head->has_entries = true;
	} else if (tag == -2) {
		return CRL_PART_MORE;
	} else {
		body = 0;
	}
	head->entries = (size_t)(p->p - start);
	head->entries_end = head->entries + body;
	return CRL_PART_OK;
}

enum crl_part
crl_head_read(
    struct crl *c, struct span in, struct crl_head *head, const char **what)
{
	struct partial p = {.p = in.p, .left = in.len};
	struct span body, whole;
	size_t header, len;
	enum crl_part r;
	int tag;

	*what = "no CertificateList";
	c->info.flaws = 0;
	r = crl_head_size(in, &head->total);
	if (r != CRL_PART_OK)
		return r;
	p.parent = head->total;
	r = partial_enter(&p, DER_SEQUENCE);
	if (r != CRL_PART_OK)
		return r;
	head->tbs = (size_t)(p.p - in.p);
	r = partial_header(&p, &tag, &header, &len);
	if (r != CRL_PART_OK)
		return r;
	head->tbs_end = head->tbs + header + len;
	r = partial_enter(&p, DER_SEQUENCE);
	if (r != CRL_PART_OK)
		return r;
	*what = "a malformed version";
	r = head_version(c, &p);
	if (r != CRL_PART_OK)
		return r;
	*what = "a malformed signature algorithm";
	r = partial_get(&p, DER_SEQUENCE, &body, &whole);
	if (r != CRL_PART_OK)
		return r;
	if (!algorithm_ok(body))
		return CRL_PART_BAD;
	head->inner_alg = whole;
	*what = "a malformed issuer";
	r = partial_get(&p, DER_SEQUENCE, &body, &c->info.issuer);
	if (r != CRL_PART_OK)
		return r;
	if (!crl_name_ok(body))
		return CRL_PART_BAD;
	r = head_dates(c, &p, what);
	if (r != CRL_PART_OK)
		return r;
	*what = "malformed revokedCertificates";
	return head_entries(&p, in.p, head);
}

/* id-ce-cRLNumber */
static const uint8_t oid_crl_number[] = {0x55, 0x1d, 0x14};

static bool
tail_extension(void *arg, struct span oid, bool critical, struct span value,
    const char **what)
{
	struct crl *c = arg;

	if (span_equal(oid, span_of(oid_crl_number, sizeof(oid_crl_number))))
		c->info.flaws &= ~(unsigned)CRL_FLAW_NO_NUMBER;
	return true;
}

static bool
tail_extensions(struct crl *c, struct der *tbs, const char **what)
{
	struct span body, list;
	bool present;
	struct der outer;

	c->info.flaws |= CRL_FLAW_NO_NUMBER;
	*what = "malformed crlExtensions";
	if (!der_opt(tbs, DER_CONTEXT_C(0), &body, &present))
		return false;
	if (!present)
		return der_done(tbs);
	der_init(&outer, body);
	if (!der_get(&outer, DER_SEQUENCE, &list) || !der_done(&outer) ||
	    !der_done(tbs))
		return false;
	if (c->info.version == 1)
		c->info.flaws |= CRL_FLAW_V1_EXTENSIONS;
	c->info.extensions = list;
	return crl_extensions_walk(list, tail_extension, c, NULL, what);
}

bool
crl_tail_read(struct crl *c, const struct crl_head *head, const char **what)
{
	struct span body, bits;
	struct der d;

	/* Replaces the pointers taken while the bytes were still moving. */
	c->info.der = span_of(c->der.p, head->total);
	c->info.tbs = span_of(c->der.p + head->tbs, head->tbs_end - head->tbs);
	der_init(&d,
	    span_of(c->der.p + head->entries_end,
		head->tbs_end - head->entries_end));
	if (!tail_extensions(c, &d, what))
		return false;
	der_init(
	    &d, span_of(c->der.p + head->tbs_end, head->total - head->tbs_end));
	*what = "a malformed signatureAlgorithm";
	if (der_peek(&d) != DER_SEQUENCE ||
	    !der_any(&d, NULL, &body, &c->info.sig_alg) || !algorithm_ok(body))
		return false;
	if (!span_equal(c->info.sig_alg, head->inner_alg))
		c->info.flaws |= CRL_FLAW_ALGORITHM;
	*what = "a malformed signatureValue";
	if (!der_get(&d, DER_BIT_STRING, &bits) || bits.len < 2 ||
	    bits.p[0] != 0)
		return false;
	c->info.signature = span_of(bits.p + 1, bits.len - 1);
	*what = "bytes behind the signature";
	return der_done(&d);
}

/* The hash inside RSASSA-PSS-params (RFC 4055 3.1); SHA-1 when not given. */
static int
pss_digest(const X509_ALGOR *alg)
{
	RSA_PSS_PARAMS *pss;
	const ASN1_OBJECT *oid;
	int nid = NID_sha1;

	pss = ASN1_TYPE_unpack_sequence(
	    ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
	if (pss == NULL)
		return NID_undef;
	if (pss->hashAlgorithm != NULL) {
		X509_ALGOR_get0(&oid, NULL, NULL, pss->hashAlgorithm);
		nid = OBJ_obj2nid(oid);
	}
	RSA_PSS_PARAMS_free(pss);
	return nid;
}

const EVP_MD *
crl_digest_of(struct span whole)
{
	const unsigned char *p = whole.p;
	const ASN1_OBJECT *oid;
	const EVP_MD *md = NULL;
	X509_ALGOR *alg;
	int nid, digest = NID_undef, key;

	alg = d2i_X509_ALGOR(NULL, &p, (long)whole.len);
	if (alg == NULL)
		goto out;
	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	nid = OBJ_obj2nid(oid);
	if (nid == NID_rsassaPss)
		digest = pss_digest(alg);
	else if (OBJ_find_sigid_algs(nid, &digest, &key) != 1)
		digest = NID_undef;
	/* SM2 hashes its key in front: there is no digest of tbs alone. */
	if (digest == NID_undef || digest == NID_sm3)
		goto out;
	md = EVP_get_digestbynid(digest);
out:
	X509_ALGOR_free(alg);
	ERR_clear_error();
	return md;
}
