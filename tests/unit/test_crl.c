/* crl: every rule of the builder and of look-ups, against written octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "cache/crl/crl.h"
#include "cache/crl/crl_entry.h"
#include "cache/crl/crl_parts.h"
#include "tests/lib/crlmake.h"

static struct span
bytes(const char *s)
{
	return span_of(s, strlen(s));
}

static int
parse(const uint8_t *p, size_t len, struct crl **out, enum crl_fault *fault)
{
	struct err err = {0};
	int rc = crl_parse(span_of(p, len), NULL, out, fault, &err);

	if (rc != 0)
		assert_true(err.msg[0] != '\0');
	return rc;
}

static struct crl *
made(const struct crlmake *how)
{
	enum crl_fault fault;
	struct crl *c = NULL;
	size_t len;
	uint8_t *p = crlmake(how, &len);
	struct err err = {0};

	if (crl_parse(span_of(p, len), NULL, &c, &fault, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(fault, CRL_FAULT_NONE);
	free(p);
	return c;
}

static void
refused_as(
    const struct crlmake *how, int rc, enum crl_fault want, const char *word)
{
	enum crl_fault fault = CRL_FAULT_NONE;
	struct crl *c = NULL;
	struct err err = {0};
	size_t len;
	uint8_t *p = crlmake(how, &len);

	assert_int_equal(
	    crl_parse(span_of(p, len), NULL, &c, &fault, &err), rc);
	assert_null(c);
	assert_int_equal(fault, want);
	if (strstr(err.msg, word) == NULL)
		fail_msg("'%s' does not say '%s'", err.msg, word);
	free(p);
}

static void
refused(const struct crlmake *how, const char *word)
{
	refused_as(how, E_PARSE, CRL_FAULT_MALFORMED, word);
}

/* A CRL with one entry made from `hex`, content of the entry's SEQUENCE. */
static void
entry_refused(const char *hex, const char *word)
{
	struct octets o = {0};
	struct crlmake how = {.entries = &o};
	struct crlmake_entry good = {.serial = "\x07", .serial_len = 1};

	/* In every place, with good ones around it. */
	for (int place = 0; place < 3; place++) {
		o.len = 0;
		for (int i = 0; i < 40; i++) {
			size_t at = o.len;

			if (i != place * 19) {
				crlmake_entry(&o, &good);
				continue;
			}
			octets_hex(&o, hex);
			octets_wrap(&o, at, 0x30);
		}
		refused(&how, word);
	}
	octets_free(&o);
}

static bool
find(const struct crl *c, const char *serial, size_t len, struct crl_entry *e)
{
	return crl_find(
	    c, span_of(serial, len), span_of(NULL, 0), NULL, NULL, e);
}

/*
 * The entry of serial 7 made from `hex` is listed, and so are those around it;
 * the CRL has this flaw, at this entry.
 */
static struct crl_entry
entry_flawed(const char *hex, unsigned flaw)
{
	struct octets o = {0};
	struct crlmake how = {.entries = &o, .number = 1};
	struct crl_entry got = {0};

	for (size_t place = 0; place < 3; place++) {
		char serial[] = {0x10, 0};
		struct crl *c;

		o.len = 0;
		for (size_t i = 0; i < 40; i++) {
			struct crlmake_entry good = {
			    .serial = serial, .serial_len = 2};
			size_t at = o.len;

			serial[1] = (char)i;
			if (i != place * 19) {
				crlmake_entry(&o, &good);
				continue;
			}
			octets_hex(&o, hex);
			octets_wrap(&o, at, 0x30);
		}
		c = made(&how);
		assert_int_equal(crl_get0_info(c)->flaws, flaw);
		assert_int_equal(
		    crl_get0_info(c)->flawed_entry, place * 19 + 1);
		assert_int_equal(crl_get0_info(c)->num_entries, 40);
		for (size_t i = 0; i < 40; i++) {
			serial[1] = (char)i;
			/* Those behind a nobody's are nobody's, too. */
			assert_int_equal(find(c, serial, 2, &got),
			    (flaw & CRL_FLAW_ENTRY_ISSUER) != 0
				? i < place * 19
				: i != place * 19);
			assert_int_equal(crl_find_direct(c, span_of(serial, 2),
					     NULL, NULL, &got),
			    i != place * 19);
		}
		assert_int_equal(find(c, "\x07", 1, &got),
		    (flaw & CRL_FLAW_ENTRY_ISSUER) == 0);
		assert_true(
		    crl_find_direct(c, span_of("\x07", 1), NULL, NULL, &got));
		crl_free(c);
	}
	octets_free(&o);
	return got;
}

/* A CRL with this flaw outside of its entries. */
static void
flawed(const struct crlmake *how, unsigned flaw)
{
	struct crl *c = made(how);

	assert_int_equal(crl_get0_info(c)->flaws, flaw);
	assert_int_equal(crl_get0_info(c)->flawed_entry, 0);
	crl_free(c);
}

static void
test_small_crl_is_read(void **state)
{
	struct octets o = {0};
	struct crlmake_entry e = {.serial = "\x01\x02", .serial_len = 2};
	struct crlmake how = {.entries = &o, .number = 300};
	const struct crl_info *i;
	struct crl_entry got;
	struct crl *c;
	struct span v;
	bool critical;

	crlmake_entry(&o, &e);
	e = (struct crlmake_entry){.serial = "\x7f",
	    .serial_len = 1,
	    .date = "20491231235959Z",
	    .reason = 1};
	crlmake_entry(&o, &e);
	c = made(&how);
	i = crl_get0_info(c);
	assert_int_equal(i->num_entries, 2);
	assert_int_equal(i->version, 2);
	assert_int_equal(i->flaws, 0);
	assert_int_equal(i->this_update, 1767225600);
	assert_true(i->has_next_update);
	assert_int_equal(i->next_update, 2082758400);
	assert_int_equal(i->digest_nid, NID_sha256);
	assert_int_equal(i->digest_len, 32);
	assert_true(find(c, "\x01\x02", 2, &got));
	assert_int_equal(got.revoked_at, 1767225600);
	assert_int_equal(got.reason, -1);
	assert_true(find(c, "\0\x01\x02", 3, &got)); /* any padding */
	assert_true(find(c, "\x7f", 1, &got));
	assert_int_equal(got.reason, 1);
	assert_int_equal(got.revoked_at, 2524607999);
	assert_false(find(c, "\x01", 1, &got));
	assert_false(find(c, "\x02\x01", 2, &got));
	assert_false(find(c, "", 0, &got));
	assert_true(
	    crl_extension(c, span_of("\x55\x1d\x14", 3), &critical, &v));
	assert_false(critical);
	assert_int_equal(v.len, 4);
	assert_false(
	    crl_extension(c, span_of("\x55\x1d\x1c", 3), &critical, &v));
	crl_free(c);
	octets_free(&o);
}

static void
test_flaws_are_noted_not_refused(void **state)
{
	struct octets o = {0}, none = {0};
	struct crlmake_entry e = {.serial = "\x05", .serial_len = 1};
	struct crlmake how = {0};
	struct crl *c;

	c = made(&how);
	assert_int_equal(crl_get0_info(c)->flaws, CRL_FLAW_NO_NUMBER);
	assert_int_equal(crl_get0_info(c)->num_entries, 0);
	crl_free(c);

	how = (struct crlmake){.version = 1};
	c = made(&how);
	assert_int_equal(
	    crl_get0_info(c)->flaws, CRL_FLAW_NO_NUMBER | CRL_FLAW_V1);
	assert_int_equal(crl_get0_info(c)->version, 1);
	crl_free(c);

	how = (struct crlmake){.version = 1, .number = 1};
	c = made(&how);
	assert_int_equal(
	    crl_get0_info(c)->flaws, CRL_FLAW_V1_EXTENSIONS | CRL_FLAW_V1);
	crl_free(c);

	how = (struct crlmake){.version = 3, .number = 1};
	c = made(&how);
	assert_int_equal(crl_get0_info(c)->flaws, CRL_FLAW_VERSION);
	assert_int_equal(crl_get0_info(c)->version, 3);
	crl_free(c);

	how = (struct crlmake){.number = 1, .entries = &none};
	c = made(&how);
	assert_int_equal(crl_get0_info(c)->flaws, CRL_FLAW_EMPTY_REVOKED);
	crl_free(c);

	how = (struct crlmake){
	    .number = 1, .outer_alg_hex = "300a06082a8648ce3d040303"};
	c = made(&how);
	assert_int_equal(crl_get0_info(c)->flaws, CRL_FLAW_ALGORITHM);
	/* The hash is that of what was signed: the inner one. */
	assert_int_equal(crl_get0_info(c)->digest_nid, NID_sha256);
	crl_free(c);

	e.serial = "\0\x05";
	e.serial_len = 2;
	crlmake_entry(&o, &e);
	how = (struct crlmake){.number = 1, .entries = &o};
	c = made(&how);
	assert_int_equal(crl_get0_info(c)->flaws, CRL_FLAW_SERIAL_PADDING);
	crl_free(c);

	e.serial = "\x05";
	e.serial_len = 1;
	crlmake_entry(&o, &e);
	c = made(&how);
	assert_int_equal(crl_get0_info(c)->flaws,
	    CRL_FLAW_SERIAL_PADDING | CRL_FLAW_DUPLICATE_ENTRY);
	assert_int_equal(crl_get0_info(c)->num_entries, 2);
	crl_free(c);

	how.version = 1;
	how.number = 0;
	o.len = 0;
	e.reason = 3;
	crlmake_entry(&o, &e);
	c = made(&how);
	assert_int_equal(crl_get0_info(c)->flaws,
	    CRL_FLAW_V1_EXTENSIONS | CRL_FLAW_V1 | CRL_FLAW_NO_NUMBER);
	crl_free(c);
	octets_free(&o);
}

#define DATE "170d3236303130313030303030305a"

/* Whom an entry is about is the one thing that must be there. */
static void
test_entries_without_a_serial_are_refused(void **state)
{
	entry_refused(DATE, "serial");
	entry_refused("0200" DATE, "serial");
	entry_refused("0201", "serial");
	entry_refused("040107" DATE, "serial");
	entry_refused("", "serial");
}

static void
test_malformed_entries_anywhere_list(void **state)
{
	static const char *const dates[] = {"", "0500",
	    "170d3236313330313030303030305a",  /* month 13 */
	    "170d3236303233303030303030305a",  /* 30 February */
	    "170d3233303232393030303030305a",  /* 29 February 2023 */
	    "170d3236303130313234303030305a",  /* hour 24 */
	    "170d32363031303130303030303020"}; /* a blank for the zone */
	static const char *const reasons[] = {
	    "0a0107", "0a010b", "020101", "0a0100ff", "0a00", "", "0a0200ff"};
	struct crl_entry e;
	char hex[128];

	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		snprintf(hex, sizeof(hex), "020107%s", dates[i]);
		e = entry_flawed(hex, CRL_FLAW_ENTRY_DATE);
		assert_int_equal(e.revoked_at, 0);
		snprintf(hex, sizeof(hex),
		    "020107%s300c300a0603551d1504030a0106", dates[i]);
		e = entry_flawed(hex, CRL_FLAW_ENTRY_DATE);
		assert_int_equal(e.reason, 6);
	}
	e = entry_flawed("0201071711323630313031303130303030 2b30313030",
	    CRL_FLAW_LOOSE_DATE);
	assert_int_equal(e.revoked_at, 1767225600);
	e = entry_flawed(
	    "020107170b323630313031303030305a", CRL_FLAW_LOOSE_DATE);
	assert_int_equal(e.revoked_at, 1767225600);
	e = entry_flawed(
	    "0201071811 32303236303130313030303030302e395a", CRL_FLAW_FRACTION);
	assert_int_equal(e.revoked_at, 1767225600);
	entry_flawed("02020007" DATE, CRL_FLAW_SERIAL_PADDING);
	entry_flawed("020107" DATE "0500", CRL_FLAW_REST);
	entry_flawed("020107" DATE "3000", CRL_FLAW_EXTENSIONS_EMPTY);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		size_t len = strlen(reasons[i]) / 2;

		snprintf(hex, sizeof(hex),
		    "020107" DATE "30%02zx30%02zx0603551d1504%02zx%s", len + 9,
		    len + 7, len, reasons[i]);
		e = entry_flawed(hex, CRL_FLAW_ENTRY_VALUE);
		assert_int_equal(e.reason, -1);
	}
	/* A hold that is written in two octets is a hold. */
	e = entry_flawed("020107" DATE "300d300b0603551d1504040a020006",
	    CRL_FLAW_ENTRY_VALUE);
	assert_int_equal(e.reason, 6);
	/* A length too short: what is inside and behind cannot be read. */
	entry_flawed("020107" DATE "300b300a0603551d1504030a0101",
	    CRL_FLAW_EXTENSION | CRL_FLAW_REST);
	entry_flawed("020107" DATE "3004 3002 0500", CRL_FLAW_EXTENSION);
	/* ... and the next one is read all the same. */
	e = entry_flawed("020107" DATE
			 "3010 3002 0500 300a0603551d1504030a0106",
	    CRL_FLAW_EXTENSION);
	assert_int_equal(e.reason, 6);
	/* critical FALSE is the default and not written in DER */
	e = entry_flawed("020107" DATE "300f300d0603551d1501010004030a0101",
	    CRL_FLAW_DEFAULT_WRITTEN);
	assert_int_equal(e.reason, 1);
	e = entry_flawed("020107" DATE "3013 3011 0603551d18 040a 1708 "
			 "3236303130313030",
	    CRL_FLAW_ENTRY_VALUE);
	assert_false(e.has_invalidity);
	/* UTCTime where GeneralizedTime belongs: read. */
	e = entry_flawed("020107" DATE "3018 3016 0603551d18 040f " DATE,
	    CRL_FLAW_ENTRY_VALUE);
	assert_int_equal(e.invalidity_at, 1767225600);
	entry_flawed("020107" DATE "300d300b0603551d1704 04 3002 8100",
	    CRL_FLAW_ENTRY_VALUE);
	/* No directoryName: nobody's, but in a CRL that is not indirect. */
	entry_flawed("020107" DATE "300d300b0603551d1d0404 3002 8100",
	    CRL_FLAW_ENTRY_ISSUER);
}

static void
test_good_dates_are_taken(void **state)
{
	static const char *const dates[] = {"240229000000Z", "000229235959Z",
	    "260131000000Z", "260430000000Z", "261231235959Z", "500101000000Z",
	    "491231000000Z", "20260101000000Z"};
	static const time_t want[] = {1709164800, 951868799, 1769817600,
	    1777507200, 1798761599, -631152000, 2524521600, 1767225600};
	struct octets o = {0};
	struct crlmake how = {.entries = &o, .number = 1};
	struct crl_entry got;
	struct crl *c;
	char serial[2] = {1, 0};

	/* Far from the end, so that the fast path sees them, too. */
	for (int i = 0; i < 80; i++) {
		struct crlmake_entry e = {.serial = serial,
		    .serial_len = 2,
		    .date = dates[i % 8],
		    .reason = i % 3};

		serial[1] = (char)i;
		crlmake_entry(&o, &e);
	}
	c = made(&how);
	for (int i = 0; i < 80; i++) {
		serial[1] = (char)i;
		assert_true(find(c, serial, 2, &got));
		assert_int_equal(got.revoked_at, want[i % 8]);
		assert_int_equal(got.reason, i % 3 == 0 ? -1 : i % 3);
	}
	crl_free(c);
	octets_free(&o);
}

static void
test_every_reason_and_extension(void **state)
{
	struct octets o = {0};
	struct crlmake how = {.entries = &o, .number = 1};
	struct crl_entry got;
	struct crlmake_entry e = {.serial = "\x11", .serial_len = 1};
	struct crl *c;

	e.ext_hex = "300a0603551d1504030a0100";
	crlmake_entry(&o, &e);
	e.serial = "\x12";
	e.ext_hex = "300a0603551d1504030a0105"
		    "301806 03551d18 0411 180f "
		    "32303236303130313030303030305a";
	crlmake_entry(&o, &e);
	e.serial = "\x13";
	e.ext_hex = "301006 03551d17 0409 06072a8648ce380201";
	crlmake_entry(&o, &e);
	c = made(&how);
	assert_false(crl_get0_info(c)->unknown_critical_entry_ext);
	assert_true(find(c, "\x11", 1, &got));
	assert_int_equal(got.reason, 0);
	assert_true(find(c, "\x12", 1, &got));
	assert_int_equal(got.reason, 5);
	assert_true(got.has_invalidity);
	assert_int_equal(got.invalidity_at, 1767225600);
	assert_true(find(c, "\x13", 1, &got));
	assert_int_equal(got.reason, -1);
	crl_free(c);

	e.serial = "\x14";
	e.ext_hex = "300c06032a03040101ff04020500";
	crlmake_entry(&o, &e);
	c = made(&how);
	assert_true(crl_get0_info(c)->unknown_critical_entry_ext);
	assert_true(find(c, "\x14", 1, &got));
	assert_true(got.unknown_critical_ext);
	assert_true(find(c, "\x11", 1, &got));
	assert_false(got.unknown_critical_ext);
	crl_free(c);

	/* The same extension twice: the first counts, nothing is concluded. */
	e.serial = "\x15";
	e.ext_hex = "300a0603551d1504030a0101300a0603551d1504030a0106";
	o.len = 0;
	crlmake_entry(&o, &e);
	c = made(&how);
	assert_true(crl_get0_info(c)->unknown_critical_entry_ext);
	assert_true(find(c, "\x15", 1, &got));
	assert_true(got.unknown_critical_ext);
	assert_int_equal(got.reason, 1);
	crl_free(c);
	octets_free(&o);
}

static void
issuer_entry(struct octets *o, const char *serial, const char *cn)
{
	struct octets ext = {0};
	struct crlmake_entry e = {.serial = serial, .serial_len = 1};
	char *hex;

	if (cn != NULL) {
		octets_hex(&ext, "0603550403");
		octets_tlv(&ext, 0x0c, cn, strlen(cn));
		octets_wrap(&ext, 0, 0x30);
		octets_wrap(&ext, 0, 0x31);
		octets_wrap(&ext, 0, 0x30);
		octets_wrap(&ext, 0, 0xa4);
		octets_wrap(&ext, 0, 0x30);
		octets_wrap(&ext, 0, 0x04);
		octets_add(&ext, "\x06\x03\x55\x1d\x1d\x01\x01\xff", 8);
		/* OID and critical belong in front of the value. */
		memmove(ext.p + 8, ext.p, ext.len - 8);
		memcpy(ext.p, "\x06\x03\x55\x1d\x1d\x01\x01\xff", 8);
		octets_wrap(&ext, 0, 0x30);
		hex = malloc(ext.len * 2 + 1);
		for (size_t i = 0; i < ext.len; i++)
			sprintf(hex + 2 * i, "%02x", ext.p[i]);
		e.ext_hex = hex;
		crlmake_entry(o, &e);
		free(hex);
	} else {
		crlmake_entry(o, &e);
	}
	octets_free(&ext);
}

static struct span
name(struct octets *o, const char *cn)
{
	o->len = 0;
	octets_hex(o, "0603550403");
	octets_tlv(o, 0x0c, cn, strlen(cn));
	octets_wrap(o, 0, 0x30);
	octets_wrap(o, 0, 0x31);
	octets_wrap(o, 0, 0x30);
	return span_of(o->p, o->len);
}

static bool
same_ignoring_case(struct span a, struct span b, void *arg)
{
	++*(int *)arg;
	return a.len == b.len &&
	    strncasecmp((const char *)a.p, (const char *)b.p, a.len) == 0;
}

/* So many extensions of one entry, or of the list, and none more. */
static char *
extensions_hex(int num)
{
	char *hex = calloc((size_t)num + 1, 32), *at = hex;

	assert_non_null(hex);
	for (int i = 0; i < num; i++)
		at += sprintf(at, "3009 0603 2a03%02x 0402 0500 ", i);
	return hex;
}

static void
test_extensions_are_bounded(void **state)
{
	static const int nums[] = {1, CRL_MAX_EXTENSIONS - 1,
	    CRL_MAX_EXTENSIONS, CRL_MAX_EXTENSIONS + 1, CRL_MAX_EXTENSIONS + 2};

	for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++) {
		struct octets o = {0};
		char *hex = extensions_hex(nums[i]);
		struct crlmake_entry e = {
		    .serial = "\x11", .serial_len = 1, .ext_hex = hex};
		struct crlmake entry = {.entries = &o, .number = 1};
		struct crlmake list = {.ext_hex = hex};

		crlmake_entry(&o, &e);
		if (nums[i] <= CRL_MAX_EXTENSIONS) {
			crl_free(made(&entry));
			crl_free(made(&list));
		} else {
			struct crl *c = made(&entry);

			assert_int_equal(
			    crl_get0_info(c)->flaws, CRL_FLAW_EXTENSION);
			crl_free(c);
			flawed(&list, CRL_FLAW_EXTENSION | CRL_FLAW_NO_NUMBER);
		}
		octets_free(&o);
		free(hex);
	}
}

static void
test_certificate_issuer_is_sticky(void **state)
{
	struct octets o = {0}, n = {0};
	struct crlmake how = {.entries = &o, .number = 1};
	struct crl_entry got;
	struct crl *c;
	size_t pos = 0;
	int asked = 0;

	issuer_entry(&o, "\x01", NULL);
	issuer_entry(&o, "\x02", "CA one");
	issuer_entry(&o, "\x03", NULL);
	issuer_entry(&o, "\x01", "CA two");
	issuer_entry(&o, "\x04", NULL);
	issuer_entry(&o, "\x05", "Test CA");
	c = made(&how);
	assert_true(crl_get0_info(c)->has_certificate_issuer);
	/* One serial of two issuers is no duplicate. */
	assert_int_equal(crl_get0_info(c)->flaws, 0);
	assert_true(find(c, "\x01", 1, &got));
	assert_int_equal(got.certificate_issuer.len, 0);
	assert_false(find(c, "\x02", 1, &got));
	assert_false(find(c, "\x03", 1, &got));
	assert_true(find(c, "\x05", 1, &got)); /* named explicitly */
#define FIND(s, cn) crl_find(c, bytes(s), name(&n, cn), NULL, NULL, &got)
	assert_true(FIND("\x01", "Test CA"));
	assert_true(FIND("\x02", "CA one"));
	assert_true(FIND("\x03", "CA one"));
	assert_true(span_equal(got.certificate_issuer, name(&n, "CA one")));
	assert_false(FIND("\x04", "CA one"));
	assert_false(FIND("\x01", "CA one"));
	assert_true(FIND("\x01", "CA two"));
	assert_true(FIND("\x04", "CA two"));
	assert_false(FIND("\x04", "ca two"));
	assert_true(crl_find(c, bytes("\x04"), name(&n, "ca two"),
	    same_ignoring_case, &asked, &got));
	assert_int_equal(asked, 1);
	/* Not indirect: what names nobody of its own is the CRL issuer's. */
#define DIRECT(s) crl_find_direct(c, bytes(s), NULL, NULL, &got)
	assert_true(DIRECT("\x01"));
	assert_false(DIRECT("\x02"));
	assert_true(DIRECT("\x03"));
	assert_true(DIRECT("\x04"));
	assert_true(DIRECT("\x05"));
	assert_false(DIRECT("\x06"));
	/* In the order of the CRL, issuers in force with them. */
	for (int i = 0; i < 6; i++) {
		static const char serials[] = "\x01\x02\x03\x01\x04\x05";

		assert_true(crl_next(c, &pos, &got));
		assert_int_equal(got.serial.p[0], serials[i]);
		assert_int_equal(got.certificate_issuer.len == 0, i == 0);
	}
	assert_false(crl_next(c, &pos, &got));
	crl_free(c);

	/* Named, and taken over: two entries, of two issuers if not indirect.
	 */
	o.len = 0;
	issuer_entry(&o, "\x06", "CA one");
	issuer_entry(&o, "\x06", NULL);
	c = made(&how);
	assert_true(FIND("\x06", "CA one"));
	assert_true(DIRECT("\x06"));
	crl_free(c);
	octets_free(&o);
	octets_free(&n);
}

static void
test_strictest_of_duplicates(void **state)
{
	static const int reasons[][3] = {
	    {8, 6, 1}, {1, 6, 8}, {6, 1, 8}, {8, 1, 6}};
	static const int two[][3] = {{8, 6, 6}, {6, 8, 6}};
	struct octets o = {0};
	struct crlmake how = {.entries = &o, .number = 1};
	struct crl_entry got;
	struct crl *c;

	for (int i = 0; i < 6; i++) {
		const int *set = i < 4 ? reasons[i] : two[i - 4];

		o.len = 0;
		for (int k = 0; k < 3; k++) {
			struct crlmake_entry e = {.serial = "\x09",
			    .serial_len = 1,
			    .reason = set[k]};

			if (i >= 4 && k == 2)
				continue;
			crlmake_entry(&o, &e);
		}
		c = made(&how);
		assert_true(find(c, "\x09", 1, &got));
		assert_int_equal(got.reason, i < 4 ? 1 : 6);
		assert_true(crl_get0_info(c)->flaws & CRL_FLAW_DUPLICATE_ENTRY);
		crl_free(c);
	}
	octets_free(&o);
}

static void
test_syntax_around_the_entries(void **state)
{
	struct octets o = {0};
	struct crlmake how = {.ext_hex = ""};
	enum crl_fault fault;
	struct crl *c;
	uint8_t *p;
	struct span v;
	bool critical;
	size_t len;

	flawed(&how, CRL_FLAW_EXTENSIONS_EMPTY | CRL_FLAW_NO_NUMBER);
	how.ext_hex = "300a0603551d140403020101300a0603551d140403020102";
	flawed(&how, CRL_FLAW_EXTENSION_TWICE);
	c = made(&how);
	assert_true(crl_extension(c, bytes("\x55\x1d\x14"), &critical, &v));
	assert_int_equal(v.p[2], 1);
	crl_free(c);
	how.ext_hex = "300a0603551d1404030201";
	flawed(&how, CRL_FLAW_EXTENSION | CRL_FLAW_NO_NUMBER);
	how.ext_hex = "0500300a0603551d140403020101";
	flawed(&how, CRL_FLAW_EXTENSION);
	how.ext_hex = "300d0603551d1401010004030201 01";
	flawed(&how, CRL_FLAW_DEFAULT_WRITTEN);
	how = (struct crlmake){.number = 1, .this_update = "261301000000Z"};
	flawed(&how, CRL_FLAW_DATE);
	c = made(&how);
	assert_int_equal(crl_get0_info(c)->this_update, 0);
	crl_free(c);
	how = (struct crlmake){.number = 1, .next_update = "260101000060Z"};
	flawed(&how, CRL_FLAW_DATE);
	how = (struct crlmake){.number = 1, .this_update = "260101000000.25Z"};
	flawed(&how, CRL_FLAW_FRACTION);
	how = (struct crlmake){.number = 1, .this_update = "2601010000Z"};
	flawed(&how, CRL_FLAW_LOOSE_DATE);
	/* 1970-01-01 is long past, and not "none given". */
	how = (struct crlmake){.number = 1, .next_update = "700101000000Z"};
	c = made(&how);
	assert_true(crl_get0_info(c)->has_next_update);
	assert_int_equal(crl_get0_info(c)->next_update, 1);
	crl_free(c);
	how = (struct crlmake){.no_next_update = true};
	c = made(&how);
	assert_false(crl_get0_info(c)->has_next_update);
	crl_free(c);

	how = (struct crlmake){.number = 1,
	    .alg_hex = "300b06092a864886f70d01010b",
	    .outer_alg_hex = "300d06092a864886f70d01010b0500"};
	flawed(&how, CRL_FLAW_ALGORITHM_NULL);
	how.outer_alg_hex = "300d06092a864886f70d01010c0500";
	flawed(&how, CRL_FLAW_ALGORITHM);

	/* Every prefix is cut short. */
	how = (struct crlmake){.number = 5, .entries = &o};
	for (int i = 0; i < 5; i++) {
		struct crlmake_entry e = {
		    .serial = "\x09\x08", .serial_len = 2, .reason = i};

		crlmake_entry(&o, &e);
	}
	p = crlmake(&how, &len);
	for (size_t n = 0; n < len; n++) {
		assert_int_equal(parse(p, n, &c, &fault), E_PARSE);
		assert_int_equal(fault, CRL_FAULT_MALFORMED);
	}
	free(p);
	octets_free(&o);
}

/* Octets behind the CRL are noted and not kept, up to a bound. */
static void
test_trailing_octets_are_bounded(void **state)
{
	static const size_t more[] = {
	    0, 1, CRL_MAX_TRAILING, CRL_MAX_TRAILING + 1, 100000};
	static const size_t steps[] = {1, 60, 5000, SIZE_MAX};
	enum crl_fault fault;
	struct crl *c;
	struct err err;
	size_t len, all;
	uint8_t *p = crlmake_many(3, NULL, &len), *copy;

	p = realloc(p, len + 100000);
	assert_non_null(p);
	memset(p + len, '\n', 100000);
	for (size_t i = 0; i < 5; i++) {
		int want = more[i] <= CRL_MAX_TRAILING ? 0 : E_PARSE;

		all = len + more[i];
		for (size_t k = 0; k < 4; k++) {
			struct crl_builder *b = crl_builder_new(NULL);
			int rc = 0;

			for (size_t at = 0, n; rc == 0 && at < all; at += n) {
				n = steps[k] < all - at ? steps[k] : all - at;
				rc = crl_builder_feed(
				    b, span_of(p + at, n), &fault, &err);
			}
			if (rc == 0)
				rc = crl_builder_finish(b, &c, &fault, &err);
			crl_builder_free(b);
			assert_int_equal(rc, want);
			if (rc != 0)
				continue;
			assert_int_equal(crl_get0_info(c)->der.len, len);
			assert_int_equal(
			    (crl_get0_info(c)->flaws & CRL_FLAW_TRAILING) != 0,
			    more[i] > 0);
			crl_free(c);
		}
		copy = malloc(all);
		assert_non_null(copy);
		memcpy(copy, p, all);
		assert_int_equal(
		    crl_parse_take(copy, all, NULL, &c, &fault, &err), want);
		if (want == 0)
			assert_int_equal(crl_get0_info(c)->der.len, len);
		crl_free(c);
	}
	free(p);
}

/* Where the list of entries belongs, nothing else may stand. */
static void
test_the_list_is_found_without_doubt(void **state)
{
	enum crl_fault fault;
	struct octets o = {0}, entries = {0};
	struct crlmake_entry e = {.serial = "\x07", .serial_len = 1};
	struct crl_entry got;
	struct crl *c;

	crlmake_entry(&entries, &e);
	octets_wrap(&entries, 0, 0x30);
	for (int list = 0; list < 2; list++) {
		o.len = 0;
		octets_hex(&o,
		    "020101 300a06082a8648ce3d040302 3000"
		    "170d3236303130313030303030305a");
		if (list)
			octets_add(&o, entries.p, entries.len);
		octets_hex(&o, "0500");
		octets_add(&o, entries.p, entries.len);
		octets_wrap(&o, 0, 0x30);
		octets_hex(&o, "300a06082a8648ce3d040302 03020001 0500");
		octets_wrap(&o, 0, 0x30);
		assert_int_equal(
		    parse(o.p, o.len, &c, &fault), list ? 0 : E_PARSE);
		if (!list)
			continue;
		assert_int_equal(crl_get0_info(c)->flaws,
		    CRL_FLAW_REST | CRL_FLAW_NO_NUMBER);
		assert_int_equal(crl_get0_info(c)->num_entries, 1);
		assert_true(find(c, "\x07", 1, &got));
		crl_free(c);
	}
	octets_free(&o);
	octets_free(&entries);
}

/* However it arrives, what is built is the same. */
static void
test_pieces_of_every_size(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 7, 61, 1000, 16384, 100000};
	enum crl_fault fault;
	struct crl *whole, *c;
	struct crl_entry a, b;
	size_t len, p1, p2;
	uint8_t *p = crlmake_many(2000, NULL, &len);
	char *pem = crlmake_pem(p, len);
	size_t pem_len = strlen(pem);

	assert_int_equal(parse(p, len, &whole, &fault), 0);
	for (size_t i = 0; i < 16; i++) {
		struct crl_builder *bld = crl_builder_new(NULL);
		const uint8_t *in = i < 8 ? p : (uint8_t *)pem;
		size_t n = i < 8 ? len : pem_len, step = sizes[i % 8];
		struct err err;

		for (size_t at = 0; at < n; at += step)
			assert_int_equal(
			    crl_builder_feed(bld,
				span_of(in + at, n - at < step ? n - at : step),
				&fault, &err),
			    0);
		assert_int_equal(crl_builder_finish(bld, &c, &fault, &err), 0);
		crl_builder_free(bld);
		assert_true(span_equal(
		    crl_get0_info(c)->der, crl_get0_info(whole)->der));
		assert_memory_equal(
		    crl_get0_info(c)->digest, crl_get0_info(whole)->digest, 32);
		assert_int_equal(crl_get0_info(c)->num_entries, 2000);
		p1 = p2 = 0;
		while (crl_next(whole, &p1, &a)) {
			assert_true(crl_next(c, &p2, &b));
			assert_true(span_equal(a.serial, b.serial));
			assert_true(crl_find(
			    c, a.serial, span_of(NULL, 0), NULL, NULL, &b));
			assert_int_equal(a.revoked_at, b.revoked_at);
			assert_int_equal(a.reason, b.reason);
		}
		crl_free(c);
	}
	crl_free(whole);
	free(pem);
	free(p);
}

static void
test_mapped_and_taken(void **state)
{
	char path[] = "crl.XXXXXX";
	int fd = mkstemp(path);
	enum crl_fault fault;
	struct crl_builder *b;
	struct crl_entry e;
	struct crl *c;
	struct err err;
	size_t len;
	uint8_t serial[16], *p = crlmake_many(20000, NULL, &len);
	int steps = 0;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, len), len);
	assert_int_equal(crl_map(fd, NULL, &c, &fault, &err), 0);
	crlmake_serial(19999, serial);
	assert_true(find(c, (char *)serial, 16, &e));
	crlmake_serial(20000, serial);
	assert_false(find(c, (char *)serial, 16, &e));
	crl_free(c);

	b = crl_builder_new_map(fd, 0, NULL, &fault, &err);
	assert_non_null(b);
	while (crl_builder_step(b, 100000))
		steps++;
	assert_int_equal(steps, len / 100000);
	assert_int_equal(crl_builder_finish(b, &c, &fault, &err), 0);
	crl_builder_free(b);
	assert_int_equal(crl_get0_info(c)->num_entries, 20000);
	crl_free(c);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(crl_map(fd, NULL, &c, &fault, &err), E_PARSE);
	assert_null(c);
	close(fd);
	unlink(path);

	assert_int_equal(crl_parse_take(p, len, NULL, &c, &fault, &err), 0);
	assert_int_equal(crl_get0_info(c)->num_entries, 20000);
	/* 12 bytes an entry beside the DER. */
	assert_true(crl_index_bytes(c) <= 12 * 20000);
	crl_free(c);
}

static void
test_limits_have_names(void **state)
{
	struct crl_limits limits = {.max_entries = 99};
	enum crl_fault fault;
	struct crl *c;
	struct err err;
	size_t len;
	uint8_t *p = crlmake_many(100, NULL, &len);

	assert_int_equal(
	    crl_parse(span_of(p, len), &limits, &c, &fault, &err), E_LIMIT);
	assert_int_equal(fault, CRL_FAULT_TOO_MANY_ENTRIES);
	limits.max_entries = 100;
	assert_int_equal(
	    crl_parse(span_of(p, len), &limits, &c, &fault, &err), 0);
	crl_free(c);
	limits.max_bytes = len;
	assert_int_equal(
	    crl_parse(span_of(p, len), &limits, &c, &fault, &err), 0);
	crl_free(c);
	limits.max_bytes = len - 1;
	assert_int_equal(
	    crl_parse(span_of(p, len), &limits, &c, &fault, &err), E_LIMIT);
	assert_int_equal(fault, CRL_FAULT_TOO_LARGE);
	/* The announced length is enough to refuse it. */
	assert_int_equal(
	    crl_parse(span_of(p, 10), &limits, &c, &fault, &err), E_LIMIT);
	assert_int_equal(fault, CRL_FAULT_TOO_LARGE);
	free(p);
}

static void
test_digests_by_algorithm(void **state)
{
	static const struct {
		const char *alg;
		int nid;
	} rows[] = {
	    {"300a06082a8648ce3d040303", NID_sha384},
	    {"300a06082a8648ce3d040304", NID_sha512},
	    {"300d06092a864886f70d01010b0500", NID_sha256},
	    {"300d06092a864886f70d0101050500", NID_sha1},
	    {"300506032b6570", NID_undef}, /* Ed25519 */
	    {"300506032a0304", NID_undef}, /* nobody knows it */
	    /* RSASSA-PSS with SHA-384, and with the defaults */
	    {"304106092a864886f70d01010a3034a00f300d0609608648016503040202"
	     "0500a11c301a06092a864886f70d010108300d0609608648016503040202"
	     "0500a203020130",
		NID_sha384},
	    {"300d06092a864886f70d01010a3000", NID_sha1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct crlmake how = {.alg_hex = rows[i].alg, .number = 1};
		struct crl *c = made(&how);
		const struct crl_info *info = crl_get0_info(c);
		unsigned char md[64];
		unsigned n = 0;

		assert_int_equal(info->digest_nid, rows[i].nid);
		if (rows[i].nid != NID_undef) {
			assert_int_equal(
			    EVP_Digest(info->tbs.p, info->tbs.len, md, &n,
				EVP_get_digestbynid(rows[i].nid), NULL),
			    1);
			assert_int_equal(info->digest_len, n);
			assert_memory_equal(info->digest, md, n);
		} else {
			assert_int_equal(info->digest_len, 0);
		}
		crl_free(c);
	}
}

static void
test_pem_that_is_none(void **state)
{
	static const char *const bad[] = {"", "hello\n",
	    "-----BEGIN X509 CRL-----\n", "-----BEGIN CERTIFICATE-----\nMA==\n",
	    "-----BEGIN X509 CRL-----\n*\n-----END X509 CRL-----\n",
	    "-----BEGIN X509 CRL-----\nMA=\n-----END X509 CRL-----\n",
	    "-----BEGIN X509 CRL-----\nMA==\n-----END X509 CRLS-----\n",
	    "-----BEGIN X509 CRL-----\nMB==\n-----END X509 CRL-----\n"};
	enum crl_fault fault;
	struct crl *c;
	size_t len;
	struct crlmake how = {.number = 1};
	uint8_t *p = crlmake(&how, &len);
	char *pem = crlmake_pem(p, len), text[4096];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    parse((const uint8_t *)bad[i], strlen(bad[i]), &c, &fault),
		    E_PARSE);
		assert_int_equal(fault, CRL_FAULT_MALFORMED);
	}
	/* Text around it is fine, a second object is not. */
	snprintf(text, sizeof(text), "Certificate list\r\n%sbye\n", pem);
	assert_int_equal(parse((uint8_t *)text, strlen(text), &c, &fault), 0);
	crl_free(c);
	snprintf(text, sizeof(text), "%.*s", (int)strlen(pem) - 1, pem);
	assert_int_equal(parse((uint8_t *)text, strlen(text), &c, &fault), 0);
	crl_free(c);
	snprintf(text, sizeof(text), "%s%s", pem, pem);
	assert_int_equal(
	    parse((uint8_t *)text, strlen(text), &c, &fault), E_PARSE);
	free(pem);
	free(p);
}

/* An attacker's list: one serial a great many times must not take long. */
static void
test_same_serial_many_times(void **state)
{
	struct octets o = {0};
	struct crlmake_entry e = {.serial = "\x09\x08", .serial_len = 2};
	struct crlmake how = {.number = 5, .entries = &o};
	struct crl_entry got;
	struct crl *c;

	for (int i = 0; i < 200000; i++) {
		e.reason = i == 150000 ? 1 : 6;
		crlmake_entry(&o, &e);
	}
	c = made(&how);
	assert_int_equal(crl_get0_info(c)->num_entries, 200000);
	assert_true(find(c, "\x09\x08", 2, &got));
	assert_int_equal(got.reason, 1);
	crl_free(c);

	/* The same for as many issuers: too large beyond a bound of ours. */
	o.len = 0;
	for (int i = 0; i < 2000; i++) {
		char cn[16];

		snprintf(cn, sizeof(cn), "CA %d", i);
		issuer_entry(&o, "\x09", cn);
	}
	refused_as(&how, E_LIMIT, CRL_FAULT_TOO_LARGE, "too many issuers");
	octets_free(&o);
}

/* Bytes of a block's pages that are in memory. */
static size_t
resident(const struct mem_block *b)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;
	size_t num = b->mapped / page;
	unsigned char *in = calloc(1, num);

	assert_non_null(in);
	assert_int_equal(b->home, MEM_BLOCK_PAGES);
	assert_int_equal(mincore(b->p, b->mapped, in), 0);
	for (size_t i = 0; i < num; i++)
		n += in[i] & 1 ? page : 0;
	free(in);
	return n;
}

/* A large CRL costs what crl_index_bytes says, huge pages or not. */
static void
test_memory_is_what_is_told(void **state)
{
	size_t len, page = (size_t)sysconf(_SC_PAGESIZE), num = 420000;
	uint8_t *p = crlmake_many(num, NULL, &len);
	struct crl_entry got;
	enum crl_fault fault;
	uint8_t serial[16];
	struct crl *c;

	assert_int_equal(parse(p, len, &c, &fault), 0);
	assert_true(c->index.block.mapped >= (size_t)4 << 20);
	assert_true(resident(&c->index.block) < c->index.block.len + page);
	assert_true(resident(&c->der) < len + page);
	assert_true(crl_index_bytes(c) <= 12 * num);
	assert_memory_equal(c->der.p, p, len);
	for (size_t i = 0; i < num; i += 7) {
		crlmake_serial(i, serial);
		assert_true(find(c, (char *)serial, 16, &got));
	}
	crl_free(c);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_small_crl_is_read),
	    cmocka_unit_test(test_flaws_are_noted_not_refused),
	    cmocka_unit_test(test_entries_without_a_serial_are_refused),
	    cmocka_unit_test(test_malformed_entries_anywhere_list),
	    cmocka_unit_test(test_good_dates_are_taken),
	    cmocka_unit_test(test_every_reason_and_extension),
	    cmocka_unit_test(test_extensions_are_bounded),
	    cmocka_unit_test(test_certificate_issuer_is_sticky),
	    cmocka_unit_test(test_strictest_of_duplicates),
	    cmocka_unit_test(test_syntax_around_the_entries),
	    cmocka_unit_test(test_trailing_octets_are_bounded),
	    cmocka_unit_test(test_the_list_is_found_without_doubt),
	    cmocka_unit_test(test_pieces_of_every_size),
	    cmocka_unit_test(test_mapped_and_taken),
	    cmocka_unit_test(test_limits_have_names),
	    cmocka_unit_test(test_digests_by_algorithm),
	    cmocka_unit_test(test_pem_that_is_none),
	    cmocka_unit_test(test_same_serial_many_times),
	    cmocka_unit_test(test_memory_is_what_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
