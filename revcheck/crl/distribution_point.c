/* distribution_point: see the header. Pure; any thread. */
#include "revcheck/crl/distribution_point.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/url_text.h"

int
crl_names_parse(struct crl_names *out, struct span content, struct err *err)
{
	struct general_name n;
	struct der d;
	size_t num = 0;

	*out = (struct crl_names){0};
	der_init(&d, content);
	while (general_name_next(&d, &n))
		num++;
	/* RFC 5280 4.2.1.6: GeneralNames holds one name at least. */
	if (!der_done(&d) || num == 0 || num > CRL_NAMES_MAX)
		return err_set(err, E_PARSE,
		    "GeneralNames empty, malformed or more than %d",
		    CRL_NAMES_MAX);
	out->v = calloc(num, sizeof(*out->v));
	if (out->v == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	der_init(&d, content);
	while (general_name_next(&d, &n))
		out->v[out->num++] = n;
	return 0;
}

void
crl_names_cleanup(struct crl_names *n)
{
	free(n->v);
	*n = (struct crl_names){0};
}

bool
crl_names_meet(const struct crl_names *a, const struct crl_names *b)
{
	for (size_t i = 0; i < a->num; i++)
		for (size_t j = 0; j < b->num; j++)
			if (general_name_equal(&a->v[i], &b->v[j]))
				return true;
	return false;
}

bool
crl_names_have(const struct crl_names *n, struct span name)
{
	for (size_t i = 0; i < n->num; i++)
		if (n->v[i].tag == GENERAL_NAME_DIRECTORY &&
		    name_equal(n->v[i].body, name))
			return true;
	return false;
}

/* Appends tag and length; p has room for six octets. */
static size_t
header_put(uint8_t *p, int tag, size_t len)
{
	size_t n = 0;

	p[n++] = (uint8_t)tag;
	if (len >= 0x1000000) {
		p[n++] = 0x84;
		p[n++] = (uint8_t)(len >> 24);
	} else if (len >= 0x10000) {
		p[n++] = 0x83;
	} else if (len >= 0x100) {
		p[n++] = 0x82;
	} else if (len >= 0x80) {
		p[n++] = 0x81;
	}
	if (len >= 0x10000)
		p[n++] = (uint8_t)(len >> 16);
	if (len >= 0x100)
		p[n++] = (uint8_t)(len >> 8);
	p[n++] = (uint8_t)len;
	return n;
}

/*
 * RFC 5280 4.2.1.13: the relative RDN is appended to the issuer's Name. Its
 * [1] IMPLICIT becomes the SET it is.
 */
static int
relative_expand(struct crl_dp_name *out, struct span rdn, struct span issuer,
    struct err *err)
{
	struct der d;
	struct span rdns;
	uint8_t set[6], seq[6];
	size_t set_len, seq_len, inner;

	der_init(&d, issuer);
	if (!der_get(&d, DER_SEQUENCE, &rdns))
		return 0;
	if (rdns.len + rdn.len > 0xffffff)
		return err_set(err, E_PARSE, "a relative name beyond reason");
	out->names.v = calloc(1, sizeof(*out->names.v));
	if (out->names.v == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	set_len = header_put(set, DER_SET, rdn.len);
	inner = rdns.len + set_len + rdn.len;
	seq_len = header_put(seq, DER_SEQUENCE, inner);
	out->expanded = malloc(seq_len + inner);
	if (out->expanded == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	memcpy(out->expanded, seq, seq_len);
	if (rdns.len > 0)
		memcpy(out->expanded + seq_len, rdns.p, rdns.len);
	memcpy(out->expanded + seq_len + rdns.len, set, set_len);
	memcpy(out->expanded + seq_len + rdns.len + set_len, rdn.p, rdn.len);
	out->names.v[0] = (struct general_name){
	    .tag = GENERAL_NAME_DIRECTORY,
	    .body = span_of(out->expanded, seq_len + inner),
	};
	out->names.num = 1;
	return 0;
}

int
crl_dp_name_parse(struct crl_dp_name *out, struct span content,
    struct span issuer, struct err *err)
{
	struct der d;
	struct span body;
	int tag, rc;

	*out = (struct crl_dp_name){.present = true};
	der_init(&d, content);
	if (!der_any(&d, &tag, &body, NULL) || !der_done(&d))
		return err_set(
		    err, E_PARSE, "a malformed DistributionPointName");
	if (tag == DER_CONTEXT_C(0)) {
		rc = crl_names_parse(&out->names, body, err);
	} else if (tag == DER_CONTEXT_C(1) && body.len > 0) {
		rc = relative_expand(out, body, issuer, err);
	} else {
		rc = err_set(
		    err, E_PARSE, "a DistributionPointName of neither kind");
	}
	if (rc < 0)
		crl_dp_name_cleanup(out);
	return rc;
}

void
crl_dp_name_cleanup(struct crl_dp_name *n)
{
	crl_names_cleanup(&n->names);
	free(n->expanded);
	*n = (struct crl_dp_name){0};
}

int
crl_reasons_parse(unsigned *out, struct span bits, struct err *err)
{
	*out = 0;
	if (bits.len < 1 || bits.p[0] > 7 || (bits.len == 1 && bits.p[0] != 0))
		return err_set(err, E_PARSE, "malformed ReasonFlags");
	/* X.690 11.2.1: unused bits are zero. */
	if (bits.len > 1 &&
	    (bits.p[bits.len - 1] & ((1u << bits.p[0]) - 1)) != 0)
		return err_set(err, E_PARSE, "malformed ReasonFlags");
	for (size_t i = 0; i < 9; i++)
		if (1 + i / 8 < bits.len &&
		    (bits.p[1 + i / 8] & (0x80u >> (i % 8))) != 0)
			*out |= 1u << i;
	*out &= CRL_REASONS_ALL;
	return 0;
}

static void
point_cleanup(struct distribution_point *p)
{
	crl_dp_name_cleanup(&p->name);
	crl_names_cleanup(&p->issuers);
	for (size_t i = 0; p->urls != NULL && p->urls[i] != NULL; i++)
		free((void *)p->urls[i]);
	free(p->urls);
	*p = (struct distribution_point){0};
}

/* What cannot be asked is kept, to be told when it is. */
static int
point_urls(struct distribution_point *p, struct err *err)
{
	const struct crl_names *n = &p->name.names;
	size_t num = 0;

	p->urls = calloc(n->num + 1, sizeof(*p->urls));
	if (p->urls == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < n->num; i++) {
		char *url;

		if (n->v[i].tag != GENERAL_NAME_URI)
			continue;
		if (url_normalise(&url, n->v[i].body, err) == E_NOMEM)
			return E_NOMEM;
		p->urls[num++] = url;
	}
	return 0;
}

/* The one name that a relative name of this point adds to, or none. */
static struct span
point_base(const struct distribution_point *p, struct span issuer)
{
	if (!p->has_issuer)
		return issuer;
	/* RFC 5280 4.2.1.13: not with more than one cRLIssuer. */
	if (p->issuers.num == 1 &&
	    p->issuers.v[0].tag == GENERAL_NAME_DIRECTORY)
		return p->issuers.v[0].body;
	return span_of(NULL, 0);
}

static int
point_parse(struct distribution_point *out, struct span body,
    struct span issuer, struct err *err)
{
	struct span name, reasons, issuers;
	bool has_name, has_reasons;
	struct der d;
	int rc = 0;

	*out = (struct distribution_point){.reasons = CRL_REASONS_ALL};
	der_init(&d, body);
	if (!der_opt(&d, DER_CONTEXT_C(0), &name, &has_name) ||
	    !der_opt(&d, DER_CONTEXT(1), &reasons, &has_reasons) ||
	    !der_opt(&d, DER_CONTEXT_C(2), &issuers, &out->has_issuer) ||
	    !der_done(&d))
		return err_set(err, E_PARSE, "a malformed DistributionPoint");
	if (has_reasons)
		rc = crl_reasons_parse(&out->reasons, reasons, err);
	if (rc == 0 && out->has_issuer)
		rc = crl_names_parse(&out->issuers, issuers, err);
	if (rc == 0 && has_name)
		rc = crl_dp_name_parse(
		    &out->name, name, point_base(out, issuer), err);
	if (rc == 0)
		rc = point_urls(out, err);
	return rc;
}

int
distribution_points_parse(struct distribution_points *out, struct span value,
    struct span issuer, struct err *err)
{
	struct der d, list;
	struct span body;
	size_t num = 0;
	int rc = 0;

	*out = (struct distribution_points){0};
	der_init(&d, value);
	if (!der_enter(&d, DER_SEQUENCE, &list) || !der_done(&d))
		return err_set(err, E_PARSE, "malformed distribution points");
	for (struct der scan = list; der_peek(&scan) >= 0; num++)
		if (!der_get(&scan, DER_SEQUENCE, &body))
			break;
	/* RFC 5280 4.2.1.13: SIZE (1..MAX). */
	if (num == 0 || num > CRL_POINTS_MAX)
		return err_set(err, E_PARSE,
		    "distribution points: none, or more than %d",
		    CRL_POINTS_MAX);
	out->v = calloc(num, sizeof(*out->v));
	if (out->v == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	/* One that is odd does not void the others. */
	while (num-- > 0 && der_get(&list, DER_SEQUENCE, &body)) {
		rc = point_parse(&out->v[out->num], body, issuer, err);
		if (rc == E_NOMEM)
			break;
		if (rc == 0)
			out->num++;
		else
			point_cleanup(&out->v[out->num]);
		out->odd = out->odd || rc != 0;
	}
	out->odd = out->odd || !der_done(&list);
	if (rc == E_NOMEM) {
		out->num++;
	} else if (out->num > 0) {
		return 0;
	} else {
		rc = err_set(err, E_PARSE, "malformed distribution points");
	}
	distribution_points_cleanup(out);
	return rc;
}

void
distribution_points_cleanup(struct distribution_points *p)
{
	for (size_t i = 0; i < p->num; i++)
		point_cleanup(&p->v[i]);
	free(p->v);
	*p = (struct distribution_points){0};
}

const char **
distribution_points_urls(const struct distribution_points *p)
{
	const char **all;
	size_t num = 0;

	for (size_t i = 0; i < p->num; i++)
		for (size_t j = 0; p->v[i].urls[j] != NULL; j++)
			num++;
	all = calloc(num + 1, sizeof(*all));
	if (all == NULL)
		return NULL;
	num = 0;
	for (size_t i = 0; i < p->num; i++)
		for (size_t j = 0; p->v[i].urls[j] != NULL; j++)
			all[num++] = p->v[i].urls[j];
	return all;
}
