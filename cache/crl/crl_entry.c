/*
 * crl_entry: see the header. Pure, any thread, no allocation. Does not decide
 * what an entry means, nor what a flaw is worth.
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

unsigned
crl_flaws_of_time(unsigned odd)
{
	return ((odd & DER_TIME_FRACTION) != 0 ? CRL_FLAW_FRACTION : 0) |
	    ((odd & (DER_TIME_OFFSET | DER_TIME_SHORT)) != 0
		    ? CRL_FLAW_LOOSE_DATE
		    : 0);
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

/*
 * Reads one Extension. False for one that cannot be read; d is behind it then,
 * or has failed.
 */
static bool
extension_read(struct der *d, struct span *oid, bool *critical,
    struct span *value, unsigned *flaws)
{
	struct der ext;
	struct span body;
	int tag;

	*critical = false;
	if (!der_any(d, &tag, &body, NULL) || tag != DER_SEQUENCE)
		return false;
	der_init(&ext, body);
	if (!der_get(&ext, DER_OID, oid) || oid->len == 0)
		return false;
	if (der_peek(&ext) == DER_BOOLEAN) {
		if (!der_get(&ext, DER_BOOLEAN, &body) || body.len != 1)
			return false;
		*critical = body.p[0] != 0;
		/* X.690 11.5: the default, FALSE, is not written in DER. */
		if (!*critical)
			*flaws |= CRL_FLAW_DEFAULT_WRITTEN;
		else if (body.p[0] != 0xff)
			*flaws |= CRL_FLAW_EXTENSION;
	}
	if (!der_get(&ext, DER_OCTET_STRING, value))
		return false;
	if (!der_done(&ext))
		*flaws |= CRL_FLAW_EXTENSION;
	return true;
}

static bool
oid_seen(const struct span *seen, size_t num, struct span oid)
{
	for (size_t i = 0; i < num; i++)
		if (span_equal(seen[i], oid))
			return true;
	return false;
}

unsigned
crl_extensions_walk(struct span body, crl_extension_fn *fn, void *arg)
{
	struct span seen[CRL_MAX_EXTENSIONS], oid, value;
	unsigned flaws = 0;
	size_t num = 0;
	bool critical;
	struct der d;

	der_init(&d, body);
	if (der_peek(&d) < 0)
		return CRL_FLAW_EXTENSIONS_EMPTY;
	while (der_peek(&d) >= 0) {
		if (!extension_read(&d, &oid, &critical, &value, &flaws)) {
			flaws |= CRL_FLAW_EXTENSION;
			continue;
		}
		if (oid_seen(seen, num, oid)) {
			/* RFC 5280 4.2: at most one instance. */
			flaws |= CRL_FLAW_EXTENSION_TWICE;
			continue;
		}
		if (num == CRL_MAX_EXTENSIONS)
			return flaws | CRL_FLAW_EXTENSION;
		seen[num++] = oid;
		fn(arg, oid, critical, value);
	}
	return flaws;
}

/* The reason; flawed when it is not one octet for a reason that there is. */
static bool
reason_read(struct span value, int *reason)
{
	struct span body;
	struct der d;
	bool ok;

	der_init(&d, value);
	if (!der_get(&d, DER_ENUMERATED, &body) || !der_done(&d))
		return false;
	ok = body.len == 1;
	body = der_serial_trim(body);
	if (body.len != 1 || body.p[0] > REASON_LAST ||
	    body.p[0] == REASON_UNUSED)
		return false;
	*reason = body.p[0];
	return ok;
}

/*
 * GeneralNames with a directoryName, the issuer of RFC 5280 5.3.3. Others of
 * its names may follow.
 */
static bool
issuer_read(struct span value, struct span *name, struct span *others)
{
	struct der d, names, directory;
	struct span body, whole;
	int tag;

	*name = *others = span_of(NULL, 0);
	der_init(&d, value);
	if (!der_enter(&d, DER_SEQUENCE, &names) || !der_done(&d) ||
	    der_peek(&names) < 0)
		return false;
	while (der_peek(&names) >= 0) {
		if (!der_any(&names, &tag, &body, NULL) ||
		    (tag & 0xc0) != 0x80 || (tag & 0x1f) > 8)
			return false;
		if (tag != DER_CONTEXT_C(4))
			continue;
		der_init(&directory, body);
		if (!der_any(&directory, &tag, &body, &whole) ||
		    tag != DER_SEQUENCE || !der_done(&directory) ||
		    !crl_name_ok(body))
			return false;
		if (name->len > 0)
			continue;
		*name = whole;
		*others = span_of(names.p, (size_t)(names.end - names.p));
	}
	return der_done(&names) && name->len > 0;
}

struct entry_reading {
	struct span body;
	struct crl_entry *out;
	struct crl_entry_traits *traits;
};

/* A time in a form that names one moment, and what is odd about it. */
static bool
entry_time(struct der *d, time_t *at, unsigned *flaws)
{
	unsigned odd;

	if (!der_time_loose(d, at, &odd))
		return false;
	*flaws |= crl_flaws_of_time(odd);
	return true;
}

static void
entry_invalidity(struct entry_reading *r, struct span value)
{
	struct der d;
	int tag;

	der_init(&d, value);
	tag = der_peek(&d);
	r->out->has_invalidity =
	    entry_time(&d, &r->out->invalidity_at, &r->traits->flaws);
	/* RFC 5280 5.3.2: GeneralizedTime, whatever the year. */
	if (!r->out->has_invalidity || tag != DER_GENERAL_TIME || !der_done(&d))
		r->traits->flaws |= CRL_FLAW_ENTRY_VALUE;
}

static void
entry_extension(void *arg, struct span oid, bool critical, struct span value)
{
	struct entry_reading *r = arg;
	struct der d;
	struct span body;
	int ce = -1;

	if (oid.len == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d)
		ce = oid.p[2];
	switch (ce) {
	case CE_REASON_CODE:
		if (!reason_read(value, &r->out->reason))
			r->traits->flaws |= CRL_FLAW_ENTRY_VALUE;
		break;
	case CE_INVALIDITY_DATE:
		entry_invalidity(r, value);
		break;
	case CE_CERTIFICATE_ISSUER:
		r->traits->has_issuer = true;
		if (!issuer_read(value, &r->out->certificate_issuer,
			&r->out->other_names)) {
			r->out->certificate_issuer = r->body;
			r->out->other_names = span_of(NULL, 0);
			r->traits->flaws |= CRL_FLAW_ENTRY_ISSUER;
		}
		break;
	case CE_HOLD_INSTRUCTION:
		der_init(&d, value);
		if (!der_get(&d, DER_OID, &body) || body.len == 0 ||
		    !der_done(&d))
			r->traits->flaws |= CRL_FLAW_ENTRY_VALUE;
		break;
	default:
		if (critical)
			r->out->unknown_critical_ext = true;
	}
}

/* revocationDate. What cannot be read is passed over, unless it is no time. */
static void
entry_date(struct der *d, struct crl_entry *out, unsigned *flaws)
{
	struct der at = *d;

	if (entry_time(&at, &out->revoked_at, flaws)) {
		*d = at;
		return;
	}
	*flaws |= CRL_FLAW_ENTRY_DATE;
	if (der_peek(d) >= 0 && der_peek(d) != DER_SEQUENCE)
		(void)der_any(d, NULL, NULL, NULL);
}

bool
crl_entry_read(
    struct span body, struct crl_entry *out, struct crl_entry_traits *traits)
{
	struct entry_reading r = {body, out, traits};
	struct span serial, exts;
	struct der d;

	*out = (struct crl_entry){.reason = -1};
	*traits = (struct crl_entry_traits){0};
	der_init(&d, body);
	if (!der_get(&d, DER_INTEGER, &serial) || serial.len == 0)
		return false;
	out->serial = der_serial_trim(serial);
	if (out->serial.len != serial.len)
		traits->flaws |= CRL_FLAW_SERIAL_PADDING;
	entry_date(&d, out, &traits->flaws);
	if (!der_opt(&d, DER_SEQUENCE, &exts, &traits->has_extensions))
		traits->has_extensions = false;
	if (!der_done(&d))
		traits->flaws |= CRL_FLAW_REST;
	if (!traits->has_extensions)
		return true;
	traits->flaws |= crl_extensions_walk(exts, entry_extension, &r);
	/*
	 * RFC 5280 5.3 does not explicitly forbid an extension that occurs
	 * twice. It counts as not understood: the entry revokes, and absence
	 * from the CRL proves nothing.
	 */
	if ((traits->flaws & CRL_FLAW_EXTENSION_TWICE) != 0)
		out->unknown_critical_ext = true;
	traits->flaws &= ~(unsigned)CRL_FLAW_EXTENSION_TWICE;
	return true;
}
