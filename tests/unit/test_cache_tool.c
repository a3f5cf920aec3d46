/*
 * cache_tool: looking into a state directory, carrying it elsewhere, and
 * fetching anew what it holds, all without an engine.
 */
#include "tests/unit/archive_help.h"
#include "tests/unit/store_help.h"

#include <openssl/x509v3.h>

#include "revcheck/revcheck.h"

/* A self-signed CA of that name and key. */
static X509 *
ca_cert(EVP_PKEY *key, const char *cn)
{
	X509 *x = X509_new();
	X509V3_CTX ctx;
	X509_NAME *name;
	static const struct {
		int nid;
		const char *value;
	} ext[] = {{NID_basic_constraints, "critical,CA:TRUE"},
	    {NID_key_usage, "critical,keyCertSign,cRLSign"},
	    {NID_subject_key_identifier, "hash"}};

	assert_non_null(x);
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	ASN1_TIME_set_string(X509_getm_notBefore(x), "20250101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(x), "20450101000000Z");
	name = X509_get_subject_name(x);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	for (size_t i = 0; i < 3; i++) {
		X509_EXTENSION *e =
		    X509V3_EXT_conf_nid(NULL, &ctx, ext[i].nid, ext[i].value);

		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

struct sides {
	struct revcheck_trust *trust;
	struct revcheck_certs *certs;
};

static void
sides_init(struct sides *s, EVP_PKEY *key)
{
	X509 *ca = ca_cert(key, "Test CA");

	assert_int_equal(revcheck_trust_new(&s->trust, &ca, 1, NULL), 0);
	assert_int_equal(revcheck_certs_from_x509(&s->certs, &ca, 1, NULL), 0);
	X509_free(ca);
}

static void
sides_cleanup(struct sides *s)
{
	revcheck_trust_free(s->trust);
	revcheck_certs_free(s->certs);
}

struct seen {
	struct revcheck_cache_item last;
	int num;
};

static int
see(void *arg, const struct revcheck_cache_item *item)
{
	struct seen *s = arg;

	s->last = *item;
	s->num++;
	return 0;
}

static void
list(struct seen *s, const char *dir, int num)
{
	struct revcheck_error err;

	*s = (struct seen){0};
	assert_int_equal(revcheck_state_list(dir, see, s, &err), num);
	assert_int_equal(s->num, num);
}

/* www/a.crl kept in ./state under the name "a". */
static void
begin(struct world *w)
{
	world_init(w, NULL);
	(void)!system("rm -rf state other bundle");
	w->options.state_dir = "state";
	world_crl(w, "a.crl", &(struct crlmake){.number = 5});
	world_open(w);
	ask_ok(w, "a", "/a.crl", false);
	world_close(w);
}

static void
test_list_get_and_flush(void **state)
{
	enum revcheck_evidence_kind kind;
	struct revcheck_error err;
	struct world w;
	struct seen s;
	unsigned char *der;
	char *file;
	size_t len, file_len;

	begin(&w);
	list(&s, "state", 1);
	assert_int_equal(s.last.kind, REVCHECK_EVIDENCE_CRL);
	assert_string_equal(s.last.number, "05");
	assert_string_equal(s.last.error, "");
	assert_non_null(strstr(s.last.issuer, "Test CA"));
	assert_non_null(strstr(s.last.url, "/a.crl"));
	assert_int_equal(s.last.this_update, YEAR2026);
	assert_int_equal(s.last.fetched_at, YEAR2026 + 3600);
	assert_int_equal(
	    revcheck_state_get(&der, &len, &kind, "state", s.last.key, &err),
	    1);
	file = file_need("www/a.crl", &file_len);
	assert_int_equal(len, file_len);
	assert_memory_equal(der, file, len);
	free(file);
	free(der);
	assert_int_equal(
	    revcheck_state_get(&der, &len, &kind, "state", "xyz", &err),
	    REVCHECK_E_ARG);
	assert_non_null(strstr(err.msg, "xyz"));
	s.last.key[0] = s.last.key[0] == '0' ? '1' : '0';
	assert_int_equal(
	    revcheck_state_get(&der, &len, &kind, "state", s.last.key, &err),
	    0);
	assert_int_equal(revcheck_state_flush("state", s.last.key, &err), 0);
	assert_int_equal(revcheck_state_flush("state", NULL, &err), 1);
	list(&s, "state", 0);
	assert_int_equal(
	    revcheck_state_list("no-such-place", see, &s, &err), REVCHECK_E_IO);
	world_cleanup(&w);
}

static void
test_a_bundle_crosses_the_gap(void **state)
{
	struct revcheck_error err;
	struct sides right, wrong;
	struct seen s = {0};
	struct world w;
	char *p;
	size_t len;

	begin(&w);
	sides_init(&right, w.key);
	sides_init(&wrong, w.other_key);
	assert_int_equal(revcheck_state_export("state", "bundle", &err), 1);
	/* Nobody there vouches for it: refused, and said so. */
	assert_int_equal(revcheck_state_import("other", "bundle", wrong.trust,
			     wrong.certs, see, &s, &err),
	    0);
	assert_int_equal(s.num, 1);
	assert_true(s.last.error[0] != '\0');
	list(&s, "other", 0);
	s = (struct seen){0};
	assert_int_equal(revcheck_state_import("other", "bundle", right.trust,
			     right.certs, see, &s, &err),
	    1);
	assert_int_equal(s.num, 0);
	list(&s, "other", 1);
	assert_string_equal(s.last.number, "05");

	/* It answers there, without any network. */
	w.options.state_dir = "other";
	w.options.offline = true;
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(held_number(&w, "a"), 5);
	world_close(&w);

	/* An older bundle does not push out what is newer. */
	w.options.offline = false;
	world_crl(&w, "a.crl", &(struct crlmake){.number = 6});
	atomic_fetch_add(&w.now, 10);
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false); /* from disk */
	atomic_fetch_add(&w.now, 10);
	ask_ok(&w, "a", "/a.crl", true);
	world_close(&w);
	s = (struct seen){0};
	assert_int_equal(revcheck_state_import("other", "bundle", right.trust,
			     right.certs, see, &s, &err),
	    0);
	assert_non_null(strstr(s.last.error, "older"));
	list(&s, "other", 1);
	assert_string_equal(s.last.number, "06");

	/* Torn and foreign bundles are named. */
	p = file_need("bundle", &len);
	file_write("torn", p, len - 7);
	assert_int_equal(revcheck_state_import("other", "torn", right.trust,
			     right.certs, see, &s, &err),
	    REVCHECK_E_PARSE);
	assert_non_null(strstr(err.msg, "torn"));
	file_write("foreign", "PK\003\004 and so on, quite another thing", 30);
	assert_int_equal(revcheck_state_import("other", "foreign", right.trust,
			     right.certs, see, &s, &err),
	    REVCHECK_E_PARSE);
	free(p);
	sides_cleanup(&right);
	sides_cleanup(&wrong);
	world_cleanup(&w);
}

static void
test_refresh_by_hand(void **state)
{
	static const char *const allow[] = {"127.0.0.1", NULL};
	struct revcheck_options o = {.size = sizeof(o),
	    .any_port = 1,
	    .allow_addresses = allow,
	    .crl_timeout_ms = 20000};
	struct revcheck_error err;
	struct sides right, wrong;
	struct seen s = {0};
	struct world w;

	begin(&w);
	sides_init(&right, w.key);
	sides_init(&wrong, w.other_key);
	/* Unchanged: a 304 is a success. */
	assert_int_equal(revcheck_state_refresh("state", NULL, &o, right.trust,
			     right.certs, see, &s, &err),
	    1);
	assert_int_equal(s.num, 0);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 6});
	assert_int_equal(revcheck_state_refresh("state", NULL, &o, right.trust,
			     right.certs, see, &s, &err),
	    1);
	list(&s, "state", 1);
	assert_string_equal(s.last.number, "06");
	/* Nobody vouches for it: told, not fetched, not touched. */
	s = (struct seen){0};
	assert_int_equal(revcheck_state_refresh("state", NULL, &o, wrong.trust,
			     wrong.certs, see, &s, &err),
	    0);
	assert_int_equal(s.num, 1);
	list(&s, "state", 1);
	/* What cannot be had stays as it was, and is told. */
	control(&w.http, "/_listen/off", NULL);
	s = (struct seen){0};
	assert_int_equal(revcheck_state_refresh("state", NULL, &o, right.trust,
			     right.certs, see, &s, &err),
	    0);
	assert_int_equal(s.num, 1);
	assert_true(s.last.error[0] != '\0');
	list(&s, "state", 1);
	assert_string_equal(s.last.number, "06");
	assert_int_equal(revcheck_state_refresh("state", "00", &o, right.trust,
			     right.certs, see, &s, &err),
	    0);
	sides_cleanup(&right);
	sides_cleanup(&wrong);
	world_cleanup(&w);
}

/* Known revocations: shown as they are stored, forgotten by serial. */

struct known_seen {
	struct revcheck_known last;
	int num;
};

static int
see_known(void *arg, const struct revcheck_known *k)
{
	struct known_seen *s = arg;

	s->last = *k;
	s->num++;
	return 0;
}

static void
know(uint8_t id, uint8_t owner, const char *serial, size_t len)
{
	struct store_known k = {.identity = {id},
	    .owner = {owner},
	    .document = {0xdd},
	    .reason = 1,
	    .revoked_at = 1000,
	    .this_update = 2000,
	    .first_seen = 3000 + id,
	    .serial_len = len,
	    .issuer = "CN=Test CA",
	    .url = "http://x/a.crl"};
	struct store_db *db = db_open("known", STORE_DB_MAKE);
	struct err err;

	memcpy(k.serial, serial, len);
	assert_int_equal(store_db_known_put(db, &k, &err), 0);
	store_db_close(db);
}

static void
test_known_revocations(void **state)
{
	static const char a[] =
	    "a10000000000000000000000000000000000000000000000"
	    "0000000000000000";
	struct revcheck_error err;
	struct known_seen s = {0};
	char longest[140];

	(void)!system("rm -rf known && mkdir known");
	assert_int_equal(revcheck_state_known("known", see_known, &s, &err), 0);
	assert_int_equal(revcheck_state_forget("known", a, "1", &err), 0);
	know(1, 0xa1, "\x0a\xbc", 2);
	/* The same certificate, asked about under another anchor. */
	know(2, 0xa1, "\0\x0a\xbc", 3);
	know(3, 0xa1, "\x0a\xbd", 2);
	know(4, 0xa2, "\x0a\xbc", 2);
	assert_int_equal(revcheck_state_known("known", see_known, &s, &err), 4);
	assert_int_equal(s.num, 4);
	assert_string_equal(s.last.serial, "0abc");
	assert_int_equal(strncmp(s.last.issuer_key, "a200", 4), 0);
	assert_int_equal(strncmp(s.last.document, "dd00", 4), 0);
	assert_string_equal(s.last.issuer, "CN=Test CA");
	assert_string_equal(s.last.url, "http://x/a.crl");
	assert_int_equal(s.last.reason, 1);
	assert_int_equal(s.last.revoked_at, 1000);
	assert_int_equal(s.last.this_update, 2000);
	assert_int_equal(s.last.first_seen, 3004);

	/* Flushing evidence is not the operator's word. */
	assert_int_equal(revcheck_state_flush("known", NULL, &err), 0);
	assert_int_equal(revcheck_state_known("known", see_known, &s, &err), 4);
	assert_int_equal(
	    revcheck_state_forget("known", "a1", "abc", &err), REVCHECK_E_ARG);
	assert_int_equal(
	    revcheck_state_forget("known", a, "xyz", &err), REVCHECK_E_ARG);
	memset(longest, 'f', sizeof(longest));
	longest[129] = '\0';
	assert_int_equal(
	    revcheck_state_forget("known", a, longest, &err), REVCHECK_E_ARG);
	longest[128] = '\0';
	assert_int_equal(revcheck_state_forget("known", a, longest, &err), 0);
	assert_int_equal(revcheck_state_forget("known", a, "000ABC", &err), 2);
	assert_int_equal(revcheck_state_forget("known", a, "abc", &err), 0);
	assert_int_equal(revcheck_state_known("known", see_known, &s, &err), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list_get_and_flush),
	    cmocka_unit_test(test_a_bundle_crosses_the_gap),
	    cmocka_unit_test(test_refresh_by_hand),
	    cmocka_unit_test(test_known_revocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
