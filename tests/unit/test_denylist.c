/* denylist: which certificate an entry means, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "revcheck/engine/denylist.h"
#include "tests/lib/issuer.h"

#define NOW ((time_t)1780000000)
#define DAY 86400

static struct issuer ca, other;

static void
leaf_init(struct issuer *out, const struct issuer *by, long serial)
{
	issuer_init(out,
	    &(struct issuer_cert){.cn = "leaf",
		.by = by,
		.serial = serial,
		.from = NOW - DAY,
		.to = NOW + DAY});
}

static void
spki_of(uint8_t out[32], X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	assert_true(len > 0);
	assert_int_equal(
	    EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL), 1);
	OPENSSL_free(der);
}

/* Whether an entry by issuer and serial, or by key, means this certificate. */
static bool
means(const struct revcheck_deny *entry, X509 *cert)
{
	struct denylist *d = NULL;
	uint8_t spki[32];
	bool found;

	spki_of(spki, cert);
	assert_int_equal(denylist_new(&d, entry, 1, NULL), 0);
	found = denylist_find(d, cert, spki, NOW) != NULL;
	denylist_free(d);
	return found;
}

static void
a_serial_is_named_however_it_is_padded(void **state)
{
	static const struct {
		const char *name;
		long serial;
		uint8_t octets[8];
		size_t len;
		bool meant;
	} rows[] = {
	    {"as it is", 0x1234, {0x12, 0x34}, 2, true},
	    {"one zero", 0x1234, {0, 0x12, 0x34}, 3, true},
	    {"many zeros", 0x1234, {0, 0, 0, 0, 0x12, 0x34}, 6, true},
	    {"a zero behind", 0x1234, {0x12, 0x34, 0}, 3, false},
	    {"its end", 0x1234, {0x34}, 1, false},
	    {"its beginning", 0x1234, {0x12}, 1, false},
	    {"high bit", 0x9234, {0, 0x92, 0x34}, 3, true},
	    {"high bit, many zeros", 0x9234, {0, 0, 0, 0x92, 0x34}, 5, true},
	    {"high bit, negative", 0x9234, {0x92, 0x34}, 2, false},
	    {"80 alone", 0x80, {0, 0x80}, 2, true},
	    {"80 alone, negative", 0x80, {0x80}, 1, false},
	    {"zero", 0, {0}, 1, true},
	    {"zero, twice", 0, {0, 0}, 2, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_deny entry = {
		    .serial = rows[i].octets, .serial_len = rows[i].len};
		struct issuer leaf, namesake;
		unsigned char *der = NULL;
		int len;

		leaf_init(&leaf, &ca, rows[i].serial);
		leaf_init(&namesake, &other, rows[i].serial);
		len = i2d_X509_NAME(X509_get_issuer_name(leaf.cert), &der);
		assert_true(len > 0);
		entry.issuer_der = der;
		entry.issuer_len = (size_t)len;
		if (means(&entry, leaf.cert) != rows[i].meant)
			fail_msg("%s", rows[i].name);
		/* The same serial of another issuer is never meant. */
		assert_false(means(&entry, namesake.cert));
		OPENSSL_free(der);
		issuer_cleanup(&leaf);
		issuer_cleanup(&namesake);
	}
}

static void
a_key_is_named_whoever_certified_it(void **state)
{
	struct revcheck_deny entry = {0};
	struct issuer leaf, another;
	uint8_t spki[32];

	(void)state;
	leaf_init(&leaf, &ca, 7);
	leaf_init(&another, &ca, 7);
	spki_of(spki, leaf.cert);
	entry.spki_sha256 = spki;
	assert_true(means(&entry, leaf.cert));
	assert_false(means(&entry, another.cert));
	issuer_cleanup(&leaf);
	issuer_cleanup(&another);
}

/* Of several entries for one key, one that has not run out is enough. */
static void
an_entry_ends_when_it_says(void **state)
{
	static const struct {
		time_t until[3]; /* 0: for ever */
		bool meant;
	} rows[] = {
	    {{0, 0, 0}, true},
	    {{NOW + 1, NOW + 1, NOW + 1}, true},
	    {{NOW, NOW, NOW}, false},
	    {{NOW - 1, NOW - 1, NOW - 1}, false},
	    {{NOW - 1, NOW, NOW + 1}, true},
	    {{NOW + 1, NOW, NOW - 1}, true},
	    {{NOW - 1, 0, NOW - 1}, true},
	};
	struct issuer leaf;
	uint8_t spki[32];

	(void)state;
	leaf_init(&leaf, &ca, 7);
	spki_of(spki, leaf.cert);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct revcheck_deny entries[3] = {0};
		struct denylist *d = NULL;

		for (size_t k = 0; k < 3; k++) {
			entries[k].spki_sha256 = spki;
			entries[k].until = rows[i].until[k];
		}
		assert_int_equal(denylist_new(&d, entries, 3, NULL), 0);
		assert_int_equal(denylist_find(d, leaf.cert, spki, NOW) != NULL,
		    rows[i].meant);
		denylist_free(d);
	}
	issuer_cleanup(&leaf);
}

/* One more and one less, and nothing else; the list before is as it was. */
static void
entries_come_and_go_one_by_one(void **state)
{
	struct denylist *none, *one, *two, *shorter, *back, *odd;
	struct revcheck_deny first = {.note = "first"}, entry = {.note = "key"};
	unsigned char *name = NULL;
	struct issuer leaf;
	uint8_t spki[32], serial[] = {0, 7}, other_serial[] = {8};
	int len;

	(void)state;
	leaf_init(&leaf, &ca, 7);
	spki_of(spki, leaf.cert);
	len = i2d_X509_NAME(X509_get_issuer_name(leaf.cert), &name);
	first.issuer_der = name;
	first.issuer_len = (size_t)len;
	first.serial = serial;
	first.serial_len = sizeof(serial);
	entry.spki_sha256 = spki;
	entry.until = NOW + 1;
	assert_int_equal(denylist_new(&none, NULL, 0, NULL), 0);
	assert_int_equal(denylist_with(&one, none, &first, NULL), 0);
	assert_int_equal(denylist_with(&two, one, &entry, NULL), 0);
	assert_true(denylist_empty(none));
	assert_string_equal(denylist_find(one, leaf.cert, spki, NOW), "first");
	assert_string_equal(denylist_find(two, leaf.cert, spki, NOW), "key");
	/* In place of its like, also when it ends sooner. */
	entry.until = NOW - 1;
	assert_int_equal(denylist_with(&shorter, two, &entry, NULL), 0);
	assert_string_equal(
	    denylist_find(shorter, leaf.cert, spki, NOW), "first");
	assert_string_equal(denylist_find(two, leaf.cert, spki, NOW), "key");
	assert_int_equal(denylist_without(&back, two, &first, NULL), 1);
	assert_string_equal(denylist_find(back, leaf.cert, spki, NOW), "key");
	first.serial = other_serial;
	first.serial_len = 1;
	assert_int_equal(denylist_without(&odd, back, &first, NULL), 0);
	assert_string_equal(denylist_find(odd, leaf.cert, spki, NOW), "key");
	denylist_free(odd);
	first.serial_len = 0;
	assert_int_equal(denylist_with(&odd, back, &first, NULL), E_ARG);
	assert_int_equal(denylist_without(&odd, back, &first, NULL), E_ARG);
	denylist_free(none);
	denylist_free(one);
	denylist_free(two);
	denylist_free(shorter);
	denylist_free(back);
	OPENSSL_free(name);
	issuer_cleanup(&leaf);
}

static void
an_entry_that_names_nothing_is_refused(void **state)
{
	static const uint8_t octet[1] = {1};
	static const struct revcheck_deny rows[] = {
	    {.note = "nothing"},
	    {.issuer_der = octet, .issuer_len = 1},
	    {.serial = octet, .serial_len = 1},
	    {.issuer_der = octet, .issuer_len = 1, .serial = octet},
	};
	struct denylist *d;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(denylist_new(&d, &rows[i], 1, NULL), E_ARG);
		assert_null(d);
	}
	assert_int_equal(denylist_new(&d, NULL, 0, NULL), 0);
	assert_true(denylist_empty(d));
	denylist_free(d);
}

static int
setup(void **state)
{
	struct issuer_cert how = {
	    .cn = "ca", .serial = 1, .from = NOW - DAY, .to = NOW + DAY};

	(void)state;
	issuer_init(&ca, &how);
	how.cn = "other";
	issuer_init(&other, &how);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	issuer_cleanup(&ca);
	issuer_cleanup(&other);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_serial_is_named_however_it_is_padded),
	    cmocka_unit_test(a_key_is_named_whoever_certified_it),
	    cmocka_unit_test(an_entry_ends_when_it_says),
	    cmocka_unit_test(entries_come_and_go_one_by_one),
	    cmocka_unit_test(an_entry_that_names_nothing_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
