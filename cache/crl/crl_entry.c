/*
 * crl_entry: see the header. Pure, any thread, no allocation. Does not decide
 * what an entry means.
 */
#include "cache/crl/crl_entry.h"

/* id-ce is 2.5.29, 55 1d in DER; the entry extensions of RFC 5280 5.3. */
#define CE_REASON_CODE        0x15
#define CE_HOLD_INSTRUCTION   0x17 /* RFC 3280 5.3.2, gone since */
#define CE_INVALIDITY_DATE    0x18
#define CE_CERTIFICATE_ISSUER 0x1d

#define REASON_HOLD            6
#define REASON_UNUSED          7
#define REASON_REMOVE_FROM_CRL 8
#define REASON_LAST            10

int
crl_entry_rank(int reason)
{
	if (reason == REASON_REMOVE_FROM_CRL)
		return 0;
	return reason == REASON_HOLD ? 1 : 2;
}

bool
crl_name_ok(struct span body)
{
	struct der names, rdn, atv;
	struct span type;

	der_init(&names, body);
	while (der_peek(&names) >= 0) {
		if (!der_enter(&names, DER_SET, &rdn) || der_peek(&rdn) < 0)
			return false;
		while (der_peek(&rdn) >= 0) {
			if (!der_enter(&rdn, DER_SEQUENCE, &atv) ||
			    !der_get(&atv, DER_OID, &type) || type.len == 0 ||
			    !der_any(&atv, NULL, NULL, NULL) || !der_done(&atv))
				return false;
		}
		if (!der_done(&rdn))
			return false;
	}
	return der_done(&names);
}

bool
crl_extension_read(
    struct der *d, struct span *oid, bool *critical, struct span *value)
{
	struct der ext;

	*critical = false;
	if (!der_enter(d, DER_SEQUENCE, &ext) || !der_get(&ext, DER_OID, oid) ||
	    oid->len == 0)
		return false;
	if (der_peek(&ext) == DER_BOOLEAN) {
		/* X.690 11.5: the default, FALSE, is not written in DER. */
		if (!der_bool(&ext, critical) || !*critical)
			return false;
	}
	return der_get(&ext, DER_OCTET_STRING, value) && der_done(&ext);
}

static bool
oid_seen(const struct span *seen, size_t num, struct span oid)
{
	for (size_t i = 0; i < num; i++)
		if (span_equal(seen[i], oid))
			return true;
	return false;
}

bool
crl_extensions_walk(struct span body, crl_extension_fn *fn, void *arg,
    bool *repeated, const char **what)
{
	struct span seen[CRL_MAX_EXTENSIONS], oid, value;
	size_t num = 0;
	bool critical;
	struct der d;

	der_init(&d, body);
	if (der_peek(&d) < 0) {
		*what = "empty Extensions";
		return false;
	}
	while (der_peek(&d) >= 0) {
		if (!crl_extension_read(&d, &oid, &critical, &value)) {
			*what = "a malformed Extension";
			return false;
		}
		if (oid_seen(seen, num, oid)) {
			/* RFC 5280 4.2: at most one instance. */
			*what = "the same extension twice";
			if (repeated == NULL)
				return false;
			*repeated = true;
			continue;
		}
		if (num == CRL_MAX_EXTENSIONS) {
			*what = "more extensions than any CRL has";
			return false;
		}
		seen[num++] = oid;
		if (fn != NULL && !fn(arg, oid, critical, value, what))
			return false;
	}
	*what = "a malformed Extension";
	return der_done(&d);
}

static bool
reason_read(struct span value, int *reason)
{
	struct span body;
	struct der d;

	der_init(&d, value);
	if (!der_get(&d, DER_ENUMERATED, &body) || !der_done(&d) ||
	    body.len != 1 || body.p[0] > REASON_LAST ||
	    body.p[0] == REASON_UNUSED)
		return false;
	*reason = body.p[0];
	return true;
}

/* GeneralNames with a directoryName, the issuer of RFC 5280 5.3.3. */
static bool
issuer_read(struct span value, struct span *name)
{
	struct der d, names, directory;
	struct span body, whole;
	int tag;

	*name = span_of(NULL, 0);
	der_init(&d, value);
	if (!der_enter(&d, DER_SEQUENCE, &names) || !der_done(&d) ||
	    der_peek(&names) < 0)
		return false;
	while (der_peek(&names) >= 0) {
		if (!der_any(&names, &tag, &body, NULL) ||
		    (tag & 0xc0) != 0x80 || (tag & 0x1f) > 8)
			return false;
		if (tag != DER_CONTEXT_C(4) || name->len > 0)
			continue;
		der_init(&directory, body);
		if (!der_any(&directory, &tag, &body, &whole) ||
		    tag != DER_SEQUENCE || !der_done(&directory) ||
		    !crl_name_ok(body))
			return false;
		*name = whole;
	}
	return der_done(&names) && name->len > 0;
}

static bool
invalidity_read(struct span value, time_t *at)
{
	struct der d;

	der_init(&d, value);
	/* RFC 5280 5.3.2: GeneralizedTime, whatever the year. */
	return der_peek(&d) == DER_GENERAL_TIME && der_time(&d, at) &&
	    der_done(&d);
}

struct entry_reading {
	struct crl_entry *out;
	struct crl_entry_traits *traits;
};

static bool
entry_extension(void *arg, struct span oid, bool critical, struct span value,
    const char **what)
{
	struct entry_reading *r = arg;
	struct der d;
	struct span body;
	int ce = -1;

	if (oid.len == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d)
		ce = oid.p[2];
	switch (ce) {
	case CE_REASON_CODE:
		*what = "a malformed reasonCode";
		return reason_read(value, &r->out->reason);
	case CE_INVALIDITY_DATE:
		*what = "a malformed invalidityDate";
		r->out->has_invalidity = true;
		return invalidity_read(value, &r->out->invalidity_at);
	case CE_CERTIFICATE_ISSUER:
		*what = "a malformed certificateIssuer";
		r->traits->has_issuer = true;
		return issuer_read(value, &r->out->certificate_issuer);
	case CE_HOLD_INSTRUCTION:
		*what = "a malformed holdInstructionCode";
		der_init(&d, value);
		return der_get(&d, DER_OID, &body) && body.len > 0 &&
		    der_done(&d);
	default:
		if (critical)
			r->out->unknown_critical_ext = true;
		return true;
	}
}

bool
crl_entry_read(struct span body, struct crl_entry *out,
    struct crl_entry_traits *traits, const char **what)
{
	struct entry_reading r = {.out = out, .traits = traits};
	struct span serial, exts;
	bool present;
	struct der d;

	*out = (struct crl_entry){.reason = -1};
	*traits = (struct crl_entry_traits){0};
	der_init(&d, body);
	*what = "a malformed serial";
	if (!der_get(&d, DER_INTEGER, &serial) || serial.len == 0)
		return false;
	out->serial = der_serial_trim(serial);
	traits->padded = out->serial.len != serial.len;
	*what = "a malformed revocationDate";
	if (!der_time(&d, &out->revoked_at))
		return false;
	*what = "bytes that do not belong there";
	if (!der_opt(&d, DER_SEQUENCE, &exts, &present) || !der_done(&d))
		return false;
	traits->has_extensions = present;
	if (!present)
		return true;
	/*
	 * RFC 5280 5.3 does not explicitly forbid an extension that occurs
	 * twice. It counts as not understood: the entry revokes, and absence
	 * from the CRL proves nothing.
	 */
	return crl_extensions_walk(
	    exts, entry_extension, &r, &out->unknown_critical_ext, what);
}
