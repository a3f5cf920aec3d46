/*
 * ocsp_parse: the ASN.1 of RFC 6960 4.2.1, in DER and with nothing left over at
 * any level. Two departures from DER are tolerated because they do not change
 * the meaning and responders in the field make them: a DEFAULT value that is
 * written out (version v1, critical FALSE). Pure; any thread. Looks at no key,
 * clock or certificate.
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

/* GeneralizedTime only: RFC 6960 4.2.2.1 knows no UTCTime. */
static bool
der_general_time(struct der *d, time_t *out)
{
	if (der_peek(d) != DER_GENERAL_TIME) {
		d->failed = true;
		return false;
	}
	return der_time(d, out);
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
 * explicit tag [1] that is optional and, if present, the last of `d`.
 */
static bool
extensions_read(struct der *d, struct span *out)
{
	struct ocsp_extension e, other;
	struct der outer, at, before;

	*out = span_of(NULL, 0);
	if (der_peek(d) != DER_CONTEXT_C(1))
		return true;
	if (!der_enter(d, DER_CONTEXT_C(1), &outer) ||
	    !der_get(&outer, DER_SEQUENCE, out) || !der_done(&outer) ||
	    out->len == 0)
		return false;
	der_init(&at, *out);
	for (size_t n = 0; ocsp_extension_next(&at, &e); n++) {
		if (n > 64)
			return false;
		der_init(&before, *out);
		for (size_t i = 0; i < n; i++)
			if (ocsp_extension_next(&before, &other) &&
			    span_equal(e.oid, other.oid))
				return false;
	}
	return der_done(&at);
}

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
	out->hash_params_ok = true;
	if (!der_done(&alg)) {
		if (!der_any(&alg, &tag, &params, NULL) || !der_done(&alg))
			return false;
		out->hash_params_ok = tag == DER_NULL && params.len == 0;
	}
	/*
	 * The serial is taken as it is written: some CAs pad it, and it is
	 * compared as an INTEGER.
	 */
	return der_get(&id, DER_OCTET_STRING, &out->name_hash) &&
	    der_get(&id, DER_OCTET_STRING, &out->key_hash) &&
	    der_get(&id, DER_INTEGER, &out->serial) && out->serial.len > 0 &&
	    der_done(&id);
}

/* CertStatus: [0] NULL, [1] RevokedInfo, [2] UnknownInfo, all IMPLICIT. */
static bool
cert_status_read(struct der *d, struct ocsp_single *out)
{
	struct der info, outer;
	struct span body;
	uint64_t reason;

	out->reason = -1;
	switch (der_peek(d)) {
	case DER_CONTEXT(0):
		out->status = OCSP_CERT_GOOD;
		return der_any(d, NULL, &body, NULL) && body.len == 0;
	case DER_CONTEXT(2):
		out->status = OCSP_CERT_UNKNOWN;
		return der_any(d, NULL, &body, NULL) && body.len == 0;
	case DER_CONTEXT_C(1):
		break;
	default:
		return false;
	}
	out->status = OCSP_CERT_REVOKED;
	if (!der_enter(d, DER_CONTEXT_C(1), &info) ||
	    !der_general_time(&info, &out->revoked_at))
		return false;
	if (der_done(&info))
		return true;
	if (!der_enter(&info, DER_CONTEXT_C(0), &outer) ||
	    !der_enumerated(&outer, &reason) || !der_done(&outer))
		return false;
	/* RFC 5280 5.3.1: 0..10 without 7. */
	if (reason > 10 || reason == 7)
		return false;
	out->reason = (int)reason;
	return der_done(&info);
}

static bool
single_read(struct der *at, struct ocsp_single *out)
{
	struct der in, outer;

	*out = (struct ocsp_single){.reason = -1};
	if (!der_enter(at, DER_SEQUENCE, &in) || !cert_id_read(&in, out) ||
	    !cert_status_read(&in, out) ||
	    !der_general_time(&in, &out->this_update))
		return false;
	if (der_peek(&in) == DER_CONTEXT_C(0) &&
	    (!der_enter(&in, DER_CONTEXT_C(0), &outer) ||
		!der_general_time(&outer, &out->next_update) ||
		!der_done(&outer)))
		return false;
	return extensions_read(&in, &out->extensions) && der_done(&in);
}

bool
ocsp_single_next(struct der *at, struct ocsp_single *out)
{
	if (der_peek(at) == -1)
		return false;
	if (single_read(at, out))
		return true;
	at->failed = true;
	return false;
}

/* ResponseData: version, responderID, producedAt, responses, extensions. */
static int
data_read(struct ocsp_response *out, struct span body, struct err *err)
{
	struct ocsp_single single;
	struct span name_body;
	struct der d, in, at;
	uint64_t version;
	int tag;

	der_init(&d, body);
	if (der_peek(&d) == DER_CONTEXT_C(0)) {
		if (!der_enter(&d, DER_CONTEXT_C(0), &in) ||
		    !der_uint(&in, &version) || !der_done(&in) || version != 0)
			return bad(err, "its version is not v1");
	}
	/* ResponderID: byName [1] and byKey [2], both EXPLICIT. */
	out->by_key = der_peek(&d) == DER_CONTEXT_C(2);
	if (out->by_key) {
		if (!der_enter(&d, DER_CONTEXT_C(2), &in) ||
		    !der_get(&in, DER_OCTET_STRING, &out->responder) ||
		    !der_done(&in))
			return bad(err, "its responderID does not parse");
	} else if (!der_enter(&d, DER_CONTEXT_C(1), &in) ||
	    !der_any(&in, &tag, &name_body, &out->responder) ||
	    tag != DER_SEQUENCE || !der_done(&in)) {
		return bad(err, "its responderID does not parse");
	}
	if (!der_general_time(&d, &out->produced_at))
		return bad(err, "its producedAt is not a GeneralizedTime");
	if (!der_get(&d, DER_SEQUENCE, &out->singles))
		return bad(err, "it has no list of responses");
	der_init(&at, out->singles);
	while (ocsp_single_next(&at, &single))
		;
	if (!der_done(&at))
		return bad(err, "a SingleResponse does not parse");
	if (!extensions_read(&d, &out->extensions))
		return bad(err, "its responseExtensions do not parse");
	if (!der_done(&d))
		return bad(err, "bytes are left over in ResponseData");
	return 0;
}

static int
certs_read(struct ocsp_response *out, struct der *basic, struct err *err)
{
	struct der outer, at;
	int tag;

	if (der_done(basic))
		return 0;
	if (!der_enter(basic, DER_CONTEXT_C(0), &outer) ||
	    !der_get(&outer, DER_SEQUENCE, &out->certs) || !der_done(&outer))
		return bad(err, "its certs do not parse");
	if (!der_done(basic))
		return bad(err, "bytes are left over in BasicOCSPResponse");
	der_init(&at, out->certs);
	while (der_any(&at, &tag, NULL, NULL))
		if (tag != DER_SEQUENCE)
			return bad(err, "its certs hold something else");
	/* The loop fails at the end, too; only the position counts. */
	if (at.p != at.end)
		return bad(err, "its certs do not parse");
	return 0;
}

static int
basic_read(struct ocsp_response *out, struct span der, struct err *err)
{
	struct span data, bits, alg;
	struct der all, basic, in;
	int tag;

	der_init(&all, der);
	if (!der_enter(&all, DER_SEQUENCE, &basic))
		return bad(err, "its BasicOCSPResponse does not parse");
	if (!der_done(&all))
		return bad(err, "bytes are left over after BasicOCSPResponse");
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
	if (data_read(out, data, err) != 0)
		return E_PARSE;
	return certs_read(out, &basic, err);
}

int
ocsp_parse(struct ocsp_response *out, struct span der, bool relax_trailing,
    struct err *err)
{
	struct span type, basic;
	struct der all, d, outer, bytes;

	memset(out, 0, sizeof(*out));
	der_init(&all, der);
	if (!der_enter(&all, DER_SEQUENCE, &d))
		return bad(err, "expected one DER SEQUENCE");
	if (!der_done(&all) && !relax_trailing)
		return bad(err, "bytes are left over after it");
	if (!der_enumerated(&d, &out->status))
		return bad(err, "its responseStatus does not parse");
	if (ocsp_response_status_name(out->status) == NULL)
		return err_set(err, E_PARSE,
		    "not an OCSP response: responseStatus %u is not defined",
		    (unsigned)out->status);
	if (out->status != OCSP_STATUS_SUCCESSFUL) {
		/* RFC 6960 4.2.1: then responseBytes are not set. */
		if (!der_done(&d))
			return bad(err, "an error status with responseBytes");
		return 0;
	}
	if (!der_enter(&d, DER_CONTEXT_C(0), &outer))
		return bad(err, "successful, but without responseBytes");
	if (!der_done(&d) || !der_enter(&outer, DER_SEQUENCE, &bytes) ||
	    !der_done(&outer) || !der_get(&bytes, DER_OID, &type) ||
	    !der_get(&bytes, DER_OCTET_STRING, &basic) || !der_done(&bytes))
		return bad(err, "its responseBytes do not parse");
	if (!span_equal(type, span_of(oid_basic, sizeof(oid_basic))))
		return bad(err, "its responseType is not id-pkix-ocsp-basic");
	return basic_read(out, basic, err);
}
