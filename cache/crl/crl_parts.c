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
	c->info.version = 0;
	if (der_uint(&d, &v) && v <= 255)
		c->info.version = (int)v + 1;
	/* RFC 5280 5.1.2.1: present means v2. */
	if (c->info.version != 2)
		c->info.flaws |= CRL_FLAW_VERSION;
	return CRL_PART_OK;
}

static enum crl_part
head_time(struct crl *c, struct partial *p, time_t *out)
{
	struct span body, whole;
	int tag = partial_peek(p);
	enum crl_part r;
	unsigned odd;
	struct der d;

	if (tag == -2)
		return CRL_PART_MORE;
	if (tag != DER_UTC_TIME && tag != DER_GENERAL_TIME)
		return CRL_PART_BAD;
	r = partial_get(p, tag, &body, &whole);
	if (r != CRL_PART_OK)
		return r;
	der_init(&d, whole);
	if (der_time_loose(&d, out, &odd)) {
		c->info.flaws |= crl_flaws_of_time(odd);
	} else {
		*out = 0;
		c->info.flaws |= CRL_FLAW_DATE;
	}
	return CRL_PART_OK;
}

static enum crl_part
head_dates(struct crl *c, struct partial *p, const char **what)
{
	struct crl_info *info = &c->info;
	enum crl_part r;
	int tag;

	*what = "a malformed thisUpdate";
	r = head_time(c, p, &info->this_update);
	if (r != CRL_PART_OK)
		return r;
	*what = "a malformed nextUpdate";
	tag = partial_peek(p);
	if (tag == -2)
		return CRL_PART_MORE;
	info->has_next_update = tag == DER_UTC_TIME || tag == DER_GENERAL_TIME;
	if (!info->has_next_update)
		return CRL_PART_OK;
	r = head_time(c, p, &info->next_update);
	if (r != CRL_PART_OK)
		return r;
	/* Long past, and not "none given". */
	if (info->next_update == 0)
		info->next_update = 1;
	return CRL_PART_OK;
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

static void
tail_extension(void *arg, struct span oid, bool critical, struct span value)
{
	struct crl *c = arg;

	(void)critical;
	(void)value;
	if (span_equal(oid, span_of(oid_crl_number, sizeof(oid_crl_number))))
		c->info.flaws &= ~(unsigned)CRL_FLAW_NO_NUMBER;
}

/*
 * What stands behind the entries. Where no list of them was found, something
 * else there may be the list at another place: that is refused.
 */
static bool
tail_extensions(struct crl *c, struct der *tbs, bool has_entries)
{
	struct span body, list;
	struct der outer;
	bool present;

	c->info.flaws |= CRL_FLAW_NO_NUMBER;
	if (!der_opt(tbs, DER_CONTEXT_C(0), &body, &present) ||
	    !der_done(tbs)) {
		if (!has_entries)
			return false;
		c->info.flaws |= CRL_FLAW_REST;
		present = present && !tbs->failed;
	}
	if (!present)
		return true;
	if (c->info.version == 1)
		c->info.flaws |= CRL_FLAW_V1_EXTENSIONS;
	der_init(&outer, body);
	if (!der_get(&outer, DER_SEQUENCE, &list)) {
		c->info.flaws |= CRL_FLAW_EXTENSION;
		return true;
	}
	if (!der_done(&outer))
		c->info.flaws |= CRL_FLAW_REST;
	c->info.extensions = list;
	c->info.flaws |= crl_extensions_walk(list, tail_extension, c);
	return true;
}

/*
 * RFC 5280 5.1.1.2: the same algorithm inside and outside. Where one has NULL
 * for parameters and the other none, it is.
 */
static unsigned
algorithms_compare(struct span inner, struct span outer)
{
	struct der a, b;
	struct span oid_a, oid_b, null;
	bool has;

	if (span_equal(inner, outer))
		return 0;
	der_init(&a, inner);
	der_init(&b, outer);
	if (!der_enter(&a, DER_SEQUENCE, &a) ||
	    !der_enter(&b, DER_SEQUENCE, &b) || !der_get(&a, DER_OID, &oid_a) ||
	    !der_get(&b, DER_OID, &oid_b) || !span_equal(oid_a, oid_b) ||
	    !der_opt(&a, DER_NULL, &null, &has) ||
	    !der_opt(&b, DER_NULL, &null, &has) || !der_done(&a) ||
	    !der_done(&b))
		return CRL_FLAW_ALGORITHM;
	return CRL_FLAW_ALGORITHM_NULL;
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
	*what = "something else where revokedCertificates belong";
	if (!tail_extensions(c, &d, head->has_entries))
		return false;
	der_init(
	    &d, span_of(c->der.p + head->tbs_end, head->total - head->tbs_end));
	*what = "a malformed signatureAlgorithm";
	if (der_peek(&d) != DER_SEQUENCE ||
	    !der_any(&d, NULL, &body, &c->info.sig_alg) || !algorithm_ok(body))
		return false;
	c->info.flaws |= algorithms_compare(head->inner_alg, c->info.sig_alg);
	*what = "a malformed signatureValue";
	if (!der_get(&d, DER_BIT_STRING, &bits) || bits.len < 2 ||
	    bits.p[0] != 0)
		return false;
	c->info.signature = span_of(bits.p + 1, bits.len - 1);
	if (!der_done(&d))
		c->info.flaws |= CRL_FLAW_REST;
	return true;
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
