/*
 * ocsp_parse: the ASN.1 of RFC 6960 4.2.1. A DEFAULT value that is written out
 * (version v1, critical FALSE) is no flaw: it does not change the meaning, and
 * responders in the field make them. Pure; any thread. Looks at no key, clock
 * or certificate.
 */
#include "revcheck/ocsp/ocsp_parse.h"

#include <string.h>

static const uint8_t oid_basic[] = {
    0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};

const char *
ocsp_response_status_name(uint64_t status)
{
	switch (status) {
	case OCSP_STATUS_SUCCESSFUL:
		return "successful";
	case OCSP_STATUS_MALFORMED_REQUEST:
		return "malformedRequest";
	case OCSP_STATUS_INTERNAL_ERROR:
		return "internalError";
	case OCSP_STATUS_TRY_LATER:
		return "tryLater";
	case OCSP_STATUS_SIG_REQUIRED:
		return "sigRequired";
	case OCSP_STATUS_UNAUTHORIZED:
		return "unauthorized";
	default:
		return NULL;
	}
}

static int
bad(struct err *err, const char *what)
{
	return err_set(err, E_PARSE, "not an OCSP response: %s", what);
}

static const struct {
	unsigned flaw;
	const char *text;
} flaw_texts[] = {
    {OCSP_FLAW_TRAILING, "bytes are left over after it"},
    {OCSP_FLAW_REST, "it holds something that does not belong there"},
    {OCSP_FLAW_STATUS, "its responseStatus is that of an error"},
    {OCSP_FLAW_VERSION, "its version is not v1"},
    {OCSP_FLAW_RESPONDER, "its responderID does not parse"},
    {OCSP_FLAW_TIME, "a time in it is no GeneralizedTime of RFC 6960"},
    {OCSP_FLAW_EXTENSIONS, "its extensions do not parse"},
    {OCSP_FLAW_EXTENSION_TWICE, "an extension is in it twice"},
    {OCSP_FLAW_CERTS, "its certs do not parse"},
    {OCSP_FLAW_SINGLE, "a SingleResponse in it does not parse"},
    {OCSP_FLAW_CERT_ID, "the hash of a certID has parameters"},
    {OCSP_FLAW_CERT_STATUS, "a certStatus in it does not parse"},
    {OCSP_FLAW_REASON, "a revocationReason in it is none of RFC 5280"},
    {OCSP_FLAW_FRACTION, "a time in it has a fraction of a second"},
    {OCSP_FLAW_EXTENSIONS_EMPTY, "a list of extensions in it is empty"},
};

const char *
ocsp_flaw_text(unsigned flaws)
{
	for (size_t i = 0; i < sizeof(flaw_texts) / sizeof(flaw_texts[0]); i++)
		if ((flaws & flaw_texts[i].flaw) != 0)
			return flaw_texts[i].text;
	return "nothing is wrong with it";
}

/* ENUMERATED as one non-negative octet: every one that RFC 6960 uses. */
static bool
der_enumerated(struct der *d, uint64_t *out)
{
	struct span c;

	if (!der_get(d, DER_ENUMERATED, &c) || c.len != 1 || c.p[0] >= 0x80) {
		d->failed = true;
		return false;
	}
	*out = c.p[0];
	return true;
}

/*
 * GeneralizedTime in UTC: RFC 6960 4.2.2.1 knows no other. What names a moment
 * all the same is read and flawed; a fraction is cut off. *out is 0 where
 * nothing can be read.
 */
static void
time_read(struct der *d, time_t *out, unsigned *flaws)
{
	struct span whole;
	struct der at;
	unsigned odd = 0;
	int tag = der_peek(d);

	*out = 0;
	if ((tag != DER_GENERAL_TIME && tag != DER_UTC_TIME) ||
	    !der_any(d, NULL, NULL, &whole)) {
		*flaws |= OCSP_FLAW_TIME;
		return;
	}
	der_init(&at, whole);
	if (!der_time_loose(&at, out, &odd) || tag == DER_UTC_TIME ||
	    (odd & ~DER_TIME_FRACTION) != 0)
		*flaws |= OCSP_FLAW_TIME;
	if ((odd & DER_TIME_FRACTION) != 0)
		*flaws |= OCSP_FLAW_FRACTION;
}

/* ... where 0 is for none: 1970 begins a second later, long past either way. */
static void
time_read_given(struct der *d, time_t *out, unsigned *flaws)
{
	unsigned mine = 0;

	time_read(d, out, &mine);
	if (*out == 0 && (mine & OCSP_FLAW_TIME) == 0)
		*out = 1;
	*flaws |= mine;
}

static bool
extension_read(struct der *at, struct ocsp_extension *out)
{
	struct der in;

	*out = (struct ocsp_extension){0};
	if (!der_enter(at, DER_SEQUENCE, &in) ||
	    !der_get(&in, DER_OID, &out->oid) || out->oid.len == 0)
		return false;
	if (der_peek(&in) == DER_BOOLEAN && !der_bool(&in, &out->critical))
		return false;
	return der_get(&in, DER_OCTET_STRING, &out->value) && der_done(&in);
}

bool
ocsp_extension_next(struct der *at, struct ocsp_extension *out)
{
	if (der_peek(at) == -1)
		return false;
	if (extension_read(at, out))
		return true;
	at->failed = true; /* whatever was wrong inside */
	return false;
}

bool
ocsp_extension_find(
    struct span extensions, struct span oid, struct ocsp_extension *out)
{
	struct der at;

	der_init(&at, extensions);
	while (ocsp_extension_next(&at, out))
		if (span_equal(out->oid, oid))
			return true;
	*out = (struct ocsp_extension){0};
	return false;
}

/*
 * Extensions ::= SEQUENCE SIZE (1..MAX), none twice (RFC 5280 4.2), inside an
 * explicit tag [1] that is optional. An empty list, as some responders write
 * it, says no more than none.
 */
static void
extensions_read(struct der *d, struct span *out, unsigned *flaws)
{
	struct ocsp_extension e, other;
	struct der outer, at, before;

	*out = span_of(NULL, 0);
	if (der_peek(d) != DER_CONTEXT_C(1))
		return;
	if (!der_enter(d, DER_CONTEXT_C(1), &outer) ||
	    !der_get(&outer, DER_SEQUENCE, out) || !der_done(&outer)) {
		*flaws |= OCSP_FLAW_EXTENSIONS;
		return;
	}
	if (out->len == 0)
		*flaws |= OCSP_FLAW_EXTENSIONS_EMPTY;
	der_init(&at, *out);
	for (size_t n = 0; ocsp_extension_next(&at, &e); n++) {
		if (n > 64)
			break;
		der_init(&before, *out);
		for (size_t i = 0; i < n; i++)
			if (ocsp_extension_next(&before, &other) &&
			    span_equal(e.oid, other.oid))
				*flaws |= OCSP_FLAW_EXTENSION_TWICE;
	}
	if (!der_done(&at))
		*flaws |= OCSP_FLAW_EXTENSIONS;
}

/* False: whose it is cannot be read. */
static bool
cert_id_read(struct der *d, struct ocsp_single *out)
{
	struct span params;
	struct der id, alg;
	int tag;

	if (!der_enter(d, DER_SEQUENCE, &id) ||
	    !der_enter(&id, DER_SEQUENCE, &alg) ||
	    !der_get(&alg, DER_OID, &out->hash_oid))
		return false;
	if (!der_done(&alg) &&
	    (!der_any(&alg, &tag, &params, NULL) || tag != DER_NULL ||
		params.len != 0 || !der_done(&alg)))
		out->flaws |= OCSP_FLAW_CERT_ID;
	/*
	 * The serial is taken as it is written: some CAs pad it, and it is
	 * compared as an INTEGER.
	 */
	if (!der_get(&id, DER_OCTET_STRING, &out->name_hash) ||
	    !der_get(&id, DER_OCTET_STRING, &out->key_hash) ||
	    !der_get(&id, DER_INTEGER, &out->serial))
		return false;
	if (!der_done(&id))
		out->flaws |= OCSP_FLAW_REST;
	return out->serial.len > 0;
}

/* RevokedInfo: when, and [0] EXPLICIT CRLReason OPTIONAL. */
static void
revoked_read(struct span body, struct ocsp_single *out)
{
	struct der info, outer;
	uint64_t reason;

	der_init(&info, body);
	time_read(&info, &out->revoked_at, &out->flaws);
	if (der_peek(&info) == -1)
		return;
	/* RFC 5280 5.3.1: 0..10 without 7. */
	if (!der_enter(&info, DER_CONTEXT_C(0), &outer) ||
	    !der_enumerated(&outer, &reason) || !der_done(&outer) ||
	    reason > 10 || reason == 7)
		out->flaws |= OCSP_FLAW_REASON;
	else
		out->reason = (int)reason;
	if (!der_done(&info))
		out->flaws |= OCSP_FLAW_REST;
}

/*
 * CertStatus: [0] NULL, [1] RevokedInfo, [2] UnknownInfo, all IMPLICIT. The
 * number of the tag says which, however it is encoded.
 */
static void
cert_status_read(struct der *d, struct ocsp_single *out)
{
	struct span body = span_of(NULL, 0);
	bool constructed;
	int tag = -1;

	out->status = OCSP_CERT_UNKNOWN;
	if (!der_any(d, &tag, &body, NULL)) {
		out->flaws |= OCSP_FLAW_CERT_STATUS;
		return;
	}
	constructed = (tag & 0x20) != 0;
	switch (tag & ~0x20) {
	case DER_CONTEXT(0):
		out->status = OCSP_CERT_GOOD;
		if (constructed || body.len > 0)
			out->flaws |= OCSP_FLAW_CERT_STATUS;
		break;
	case DER_CONTEXT(1):
		out->status = OCSP_CERT_REVOKED;
		if (!constructed)
			out->flaws |= OCSP_FLAW_CERT_STATUS;
		revoked_read(body, out);
		break;
	case DER_CONTEXT(2):
		if (constructed || body.len > 0)
			out->flaws |= OCSP_FLAW_CERT_STATUS;
		break;
	default:
		out->flaws |= OCSP_FLAW_CERT_STATUS;
	}
}

static void
single_read(struct span body, struct ocsp_single *out)
{
	struct der in, outer;

	der_init(&in, body);
	if (!cert_id_read(&in, out)) {
		*out = (struct ocsp_single){.status = OCSP_CERT_UNKNOWN,
		    .reason = -1,
		    .flaws = OCSP_FLAW_SINGLE};
		return;
	}
	cert_status_read(&in, out);
	time_read(&in, &out->this_update, &out->flaws);
	if (der_peek(&in) == DER_CONTEXT_C(0) &&
	    der_enter(&in, DER_CONTEXT_C(0), &outer)) {
		time_read_given(&outer, &out->next_update, &out->flaws);
		if (!der_done(&outer))
			out->flaws |= OCSP_FLAW_REST;
	}
	extensions_read(&in, &out->extensions, &out->flaws);
	if (!der_done(&in))
		out->flaws |= OCSP_FLAW_REST;
}

bool
ocsp_single_next(struct der *at, struct ocsp_single *out)
{
	struct span body;
	int tag;

	*out = (struct ocsp_single){.status = OCSP_CERT_UNKNOWN, .reason = -1};
	if (der_peek(at) == -1 || !der_any(at, &tag, &body, NULL))
		return false;
	if (tag == DER_SEQUENCE)
		single_read(body, out);
	else
		out->flaws = OCSP_FLAW_SINGLE;
	return true;
}

/* ResponderID: byName [1] and byKey [2], both EXPLICIT. */
static void
responder_read(struct ocsp_response *out, struct der *d)
{
	struct der in;
	bool ok;
	int tag = der_peek(d);

	out->by_key = tag == DER_CONTEXT_C(2);
	if (!out->by_key && tag != DER_CONTEXT_C(1)) {
		out->flaws |= OCSP_FLAW_RESPONDER;
		return;
	}
	if (!der_enter(d, tag, &in))
		return;
	if (out->by_key)
		ok = der_get(&in, DER_OCTET_STRING, &out->responder);
	else
		ok = der_peek(&in) == DER_SEQUENCE &&
		    der_any(&in, NULL, NULL, &out->responder);
	if (!ok || !der_done(&in)) {
		out->flaws |= OCSP_FLAW_RESPONDER;
		out->responder = span_of(NULL, 0);
	}
}

/* Passes over what stands before the list of answers, or a time. */
static void
strangers_skip(struct ocsp_response *out, struct der *d, bool to_time)
{
	int tag = der_peek(d);

	while (tag != -1 && tag != DER_SEQUENCE &&
	    !(to_time && (tag == DER_GENERAL_TIME || tag == DER_UTC_TIME))) {
		out->flaws |= OCSP_FLAW_REST;
		(void)der_any(d, NULL, NULL, NULL);
		tag = der_peek(d);
	}
}

/*
 * ResponseData: version, responderID, producedAt, responses, extensions. The
 * list of answers is its one SEQUENCE.
 */
static int
data_read(struct ocsp_response *out, struct span body, struct err *err)
{
	struct ocsp_single single;
	struct der d, in, at;
	uint64_t version;
	int tag;

	der_init(&d, body);
	if (der_peek(&d) == DER_CONTEXT_C(0) &&
	    der_enter(&d, DER_CONTEXT_C(0), &in) &&
	    (!der_uint(&in, &version) || !der_done(&in) || version != 0))
		out->flaws |= OCSP_FLAW_VERSION;
	responder_read(out, &d);
	strangers_skip(out, &d, true);
	time_read_given(&d, &out->produced_at, &out->flaws);
	strangers_skip(out, &d, false);
	if (!der_get(&d, DER_SEQUENCE, &out->singles))
		return bad(err, "it has no list of responses");
	der_init(&at, out->singles);
	while (ocsp_single_next(&at, &single))
		out->flaws |= single.flaws;
	if (!der_done(&at))
		return bad(err, "its list of responses does not parse");
	extensions_read(&d, &out->extensions, &out->flaws);
	if (!der_done(&d))
		out->flaws |= OCSP_FLAW_REST;
	while (der_any(&d, &tag, NULL, NULL))
		if (tag == DER_SEQUENCE)
			return bad(err, "it has two lists of responses");
	return 0;
}

static void
certs_read(struct ocsp_response *out, struct der *basic)
{
	struct der outer, at;
	int tag;

	if (der_peek(basic) == DER_CONTEXT_C(0)) {
		if (!der_enter(basic, DER_CONTEXT_C(0), &outer) ||
		    !der_get(&outer, DER_SEQUENCE, &out->certs) ||
		    !der_done(&outer))
			out->flaws |= OCSP_FLAW_CERTS;
		der_init(&at, out->certs);
		while (der_any(&at, &tag, NULL, NULL))
			if (tag != DER_SEQUENCE)
				out->flaws |= OCSP_FLAW_CERTS;
		/* der_any fails at the end, and the reader with it. */
		if (at.p != at.end)
			out->flaws |= OCSP_FLAW_CERTS;
	}
	if (!der_done(basic))
		out->flaws |= OCSP_FLAW_REST;
}

static int
basic_read(struct ocsp_response *out, struct span der, struct err *err)
{
	struct span data, alg, bits;
	struct der all, basic, in;
	int tag;

	der_init(&all, der);
	if (!der_enter(&all, DER_SEQUENCE, &basic))
		return bad(err, "its BasicOCSPResponse does not parse");
	if (!der_done(&all))
		out->flaws |= OCSP_FLAW_REST;
	if (!der_any(&basic, &tag, &data, &out->tbs) || tag != DER_SEQUENCE)
		return bad(err, "its ResponseData is not a SEQUENCE");
	if (!der_any(&basic, &tag, &alg, &out->sig_alg) || tag != DER_SEQUENCE)
		return bad(err, "its signatureAlgorithm does not parse");
	der_init(&in, alg);
	if (!der_get(&in, DER_OID, &bits) ||
	    (!der_done(&in) &&
		(!der_any(&in, NULL, NULL, NULL) || !der_done(&in))))
		return bad(err, "its signatureAlgorithm does not parse");
	/* Signatures are whole octets: no unused bits. */
	if (!der_get(&basic, DER_BIT_STRING, &bits) || bits.len < 1 ||
	    bits.p[0] != 0)
		return bad(err, "its signature is not whole octets");
	out->signature = span_of(bits.p + 1, bits.len - 1);
	certs_read(out, &basic);
	return data_read(out, data, err);
}

/* responseStatus alone, without responseBytes. */
static int
status_read(
    const struct ocsp_response *out, const struct der *d, struct err *err)
{
	if (ocsp_response_status_name(out->status) == NULL)
		return err_set(err, E_PARSE,
		    "not an OCSP response: responseStatus %u is not defined",
		    (unsigned)out->status);
	if (out->status == OCSP_STATUS_SUCCESSFUL)
		return bad(err, "successful, but without responseBytes");
	if (!der_done(d))
		return bad(err, "bytes are left over after its responseStatus");
	return 0;
}

int
ocsp_parse(struct ocsp_response *out, struct span der, struct err *err)
{
	struct span type, basic;
	struct der all, d, outer, bytes;

	memset(out, 0, sizeof(*out));
	der_init(&all, der);
	if (!der_enter(&all, DER_SEQUENCE, &d))
		return bad(err, "expected one DER SEQUENCE");
	if (!der_done(&all))
		out->flaws |= OCSP_FLAW_TRAILING;
	if (all.end - all.p > OCSP_MAX_TRAILING)
		return bad(err, "something long follows it");
	if (!der_enumerated(&d, &out->status))
		return bad(err, "its responseStatus does not parse");
	if (der_peek(&d) != DER_CONTEXT_C(0))
		return status_read(out, &d, err);
	/* RFC 6960 4.2.1: only then responseBytes are set. No signature is
	 * over it. */
	if (out->status != OCSP_STATUS_SUCCESSFUL)
		out->flaws |= OCSP_FLAW_STATUS;
	if (!der_enter(&d, DER_CONTEXT_C(0), &outer) ||
	    !der_enter(&outer, DER_SEQUENCE, &bytes) ||
	    !der_get(&bytes, DER_OID, &type) ||
	    !der_get(&bytes, DER_OCTET_STRING, &basic))
		return bad(err, "its responseBytes do not parse");
	if (!der_done(&d) || !der_done(&outer) || !der_done(&bytes))
		out->flaws |= OCSP_FLAW_REST;
	if (!span_equal(type, span_of(oid_basic, sizeof(oid_basic))))
		return bad(err, "its responseType is not id-pkix-ocsp-basic");
	return basic_read(out, basic, err);
}
