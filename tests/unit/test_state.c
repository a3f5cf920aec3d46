/*
 * What operators set over REST: a denylist that means the certificates it was
 * given, whatever their serial, and lists that take nothing they could not read
 * again, nothing beyond their limits, and no row from another hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <sqlite3.h>

#include "cache/base/text.h"
#include "fixtures/lib/fixture.h"
#include "gateway/members/certstore.h"
#include "gateway/members/members.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/state/denylist.h"
#include "tests/lib/pkimake.h"
#include "tests/lib/selfcert.h"

#define FILE_NAME "state/state.db"
#define HOLDER    "0123456789AB"

/* So many hexadecimal digits. */
#define D16 "0123456789abcdef"
#define D63 D16 D16 D16 "0123456789abcde"
#define D64 D16 D16 D16 D16

static struct revcheck *engine;
static struct pki_ca root;
static struct revcheck_trust *trust;

struct stores {
	struct state_db *db;
	struct denylist *denylist;
	struct allowed_subjects *subjects;
	struct keystore *keys;
	struct certstore *certs;
	struct members *members;
};

static int
setup(void **state)
{
	const struct revcheck_options options = {
	    .size = sizeof(options), .offline = 1};
	struct revcheck_policy off = {
	    .size = sizeof(off), .mode = REVCHECK_MODE_OFF};

	pki_ca_init(&root, "root");
	assert_int_equal(revcheck_new(&engine, &options, NULL), 0);
	assert_int_equal(revcheck_set_policy(engine, &off, NULL), 0);
	assert_int_equal(revcheck_trust_new(&trust, &root.cert, 1, NULL), 0);
	dir_make("state");
	return 0;
}

static int
teardown(void **state)
{
	revcheck_free(engine);
	revcheck_trust_free(trust);
	pki_ca_cleanup(&root);
	return 0;
}

static void
close_stores(struct stores *s)
{
	members_close(s->members);
	certstore_close(s->certs);
	keystore_close(s->keys);
	allowed_subjects_close(s->subjects);
	denylist_close(s->denylist);
	state_db_close(s->db);
}

/* As a start does it. */
static int
try_open(struct stores *s, struct err *err)
{
	const struct keystore_place place = {.token = NULL};
	int rc;

	memset(s, 0, sizeof(*s));
	rc = state_db_open(&s->db, "state", NULL, err);
	if (rc == 0)
		rc = denylist_open(&s->denylist, s->db, err);
	if (rc == 0)
		rc = denylist_apply(s->denylist, engine, err);
	if (rc == 0)
		rc = allowed_subjects_open(&s->subjects, s->db, err);
	if (rc == 0)
		rc = keystore_open(
		    &s->keys, s->db, "state", NULL, &place, NULL, err);
	if (rc == 0)
		rc = certstore_open(&s->certs, s->db, err);
	if (rc == 0)
		rc = members_open(&s->members, s->db, err);
	if (rc != 0)
		close_stores(s);
	return rc;
}

static struct stores
open_stores(void)
{
	struct stores s;
	struct err err;

	if (try_open(&s, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

static int
fresh(void **state)
{
	unlink(FILE_NAME);
	unlink(FILE_NAME "-wal");
	unlink(FILE_NAME "-shm");
	return 0;
}

static void
by_hand(const char *sql)
{
	sqlite3 *h;
	char *why = NULL;

	assert_int_equal(sqlite3_open(FILE_NAME, &h), SQLITE_OK);
	if (sqlite3_exec(h, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(h);
}

static int
deny(struct stores *s, cJSON *entry, char id[DENIED_ID_SIZE], struct err *err)
{
	struct denied e = {.id = ""};
	int rc = denied_parse(&e, entry, "me", err);

	cJSON_Delete(entry);
	if (rc != 0)
		return rc;
	assert_int_equal(state_db_begin(s->db, err), 0);
	rc = denylist_add(s->denylist, &e, err);
	if (rc == 0)
		rc = denylist_give(s->denylist, engine, err);
	rc = state_db_end(s->db, rc, err);
	memcpy(id, e.id, sizeof(e.id));
	denied_cleanup(&e);
	return rc;
}

static int
let_in(struct stores *s, const char *id, struct err *err)
{
	int rc;

	assert_int_equal(state_db_begin(s->db, err), 0);
	rc = denylist_remove(s->denylist, id, err);
	if (rc == 0)
		rc = denylist_give(s->denylist, engine, err);
	return state_db_end(s->db, rc, err);
}

static int
deny_text(struct stores *s, const char *text, struct err *err)
{
	char id[DENIED_ID_SIZE];
	cJSON *o = cJSON_Parse(text);

	assert_non_null(o);
	return deny(s, o, id, err);
}

/* Denied: the mode is OFF, so nothing else refuses. */
static bool
denied(X509 *leaf)
{
	struct revcheck_report *report = NULL;
	struct revcheck_certs *chain;
	struct revcheck_query query = {.size = sizeof(query), .trust = trust};
	bool allowed;

	assert_int_equal(revcheck_certs_from_x509(&chain, &leaf, 1, NULL), 0);
	query.chain = chain;
	assert_int_equal(revcheck_check(engine, &report, &query, NULL), 0);
	allowed = revcheck_report_allows(report) == 1;
	revcheck_report_free(report);
	revcheck_certs_free(chain);
	return !allowed;
}

static cJSON *
of_certificate(X509 *leaf)
{
	BIO *bio = BIO_new(BIO_s_mem());
	cJSON *o = cJSON_CreateObject();
	char *pem;

	PEM_write_bio_X509(bio, leaf);
	BIO_write(bio, "", 1);
	BIO_get_mem_data(bio, &pem);
	cJSON_AddStringToObject(o, "certificate", pem);
	BIO_free(bio);
	return o;
}

static cJSON *
of_serial(X509 *leaf, const char *serial)
{
	unsigned char *der = NULL;
	int len = i2d_X509_NAME(X509_get_issuer_name(leaf), &der);
	char *b64 = calloc(1, (size_t)len * 2 + 8);
	cJSON *o = cJSON_CreateObject();

	EVP_EncodeBlock((unsigned char *)b64, der, len);
	cJSON_AddStringToObject(o, "issuer", b64);
	cJSON_AddStringToObject(o, "serial", serial);
	free(b64);
	OPENSSL_free(der);
	return o;
}

/*
 * Every first octet that there is, and as many octets as there may be: listed
 * by certificate and by number, after a start, too, and then let in again.
 */
static void
every_serial_can_be_listed(void **state)
{
	static const struct {
		uint8_t first;
		size_t len;
	} rows[] = {{0x01, 1}, {0x7f, 1}, {0x80, 1}, {0x81, 1}, {0xff, 1},
	    {0x80, 20}, {0x7f, 63}, {0x80, 63}, {0xff, 63}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t serial[63] = {rows[i].first};
		char hex[2 * 63 + 1], id[2][DENIED_ID_SIZE];
		struct stores s;
		struct err err;
		X509 *leaf;

		if (rows[i].len > 1)
			serial[rows[i].len - 1] = 7;
		text_hex(hex, serial, rows[i].len);
		leaf =
		    pki_leaf(&root, serial, rows[i].len, "http://127.0.0.1/x");
		fresh(NULL);
		s = open_stores();
		for (int by = 0; by < 2; by++) {
			assert_false(denied(leaf));
			if (deny(&s,
				by == 0 ? of_certificate(leaf)
					: of_serial(leaf, hex),
				id[by], &err) != 0)
				fail_msg("%s: %s", hex, err.msg);
			if (!denied(leaf))
				fail_msg("%s is not denied", hex);
			close_stores(&s);
			s = open_stores();
			if (!denied(leaf))
				fail_msg("%s is not denied any more", hex);
			assert_int_equal(let_in(&s, id[by], &err), 0);
		}
		assert_string_equal(id[0], id[1]);
		assert_false(denied(leaf));
		X509_free(leaf);
		close_stores(&s);
	}
}

/*
 * Several in one transaction: whoever is to be out is out before it is
 * committed, whoever is to be in is in after it, and one that is taken back
 * was never there, in whatever order its changes came.
 */
static void
many_at_once_are_all_or_none(void **state)
{
	struct stores s;
	struct err err;
	uint8_t serials[3] = {0x21, 0x22, 0x23};
	struct denied e[3];
	X509 *leaf[3];

	fresh(NULL);
	s = open_stores();
	for (int i = 0; i < 3; i++) {
		cJSON *o;

		leaf[i] = pki_leaf(&root, &serials[i], 1, "http://127.0.0.1/x");
		o = of_certificate(leaf[i]);
		assert_int_equal(denied_parse(&e[i], o, "me", &err), 0);
		cJSON_Delete(o);
	}
	assert_int_equal(deny(&s, of_certificate(leaf[0]), e[0].id, &err), 0);
	for (int commit = 0; commit < 2; commit++) {
		assert_int_equal(state_db_begin(s.db, &err), 0);
		assert_int_equal(denylist_remove(s.denylist, e[0].id, &err), 0);
		assert_int_equal(denylist_add(s.denylist, &e[1], &err), 0);
		assert_int_equal(denylist_add(s.denylist, &e[2], &err), 0);
		assert_int_equal(denylist_remove(s.denylist, e[2].id, &err), 0);
		assert_false(denied(leaf[1]));
		assert_int_equal(denylist_give(s.denylist, engine, &err), 0);
		assert_true(denied(leaf[0]));
		assert_true(denied(leaf[1]));
		assert_false(denied(leaf[2]));
		assert_int_equal(
		    state_db_end(s.db, commit ? 0 : E_INTERNAL, &err),
		    commit ? 0 : E_INTERNAL);
		assert_int_equal(denylist_num(s.denylist), 1);
		assert_int_equal(denied(leaf[0]), !commit);
		assert_int_equal(denied(leaf[1]), commit);
		assert_false(denied(leaf[2]));
	}
	assert_int_equal(state_db_begin(s.db, &err), 0);
	assert_int_equal(denylist_remove(s.denylist, e[1].id, &err), 0);
	assert_int_equal(denylist_add(s.denylist, &e[1], &err), 0);
	assert_int_equal(denylist_give(s.denylist, engine, &err), 0);
	assert_int_equal(state_db_end(s.db, 0, &err), 0);
	assert_true(denied(leaf[1]));
	for (int i = 0; i < 3; i++) {
		denied_cleanup(&e[i]);
		X509_free(leaf[i]);
	}
	close_stores(&s);
}

/* As one machine shows an entry to another. */
static void
an_entry_shown_is_the_same_entry(void **state)
{
	X509 *leaf = pki_leaf(&root, (uint8_t[]){9}, 1, "http://127.0.0.1/x");
	cJSON *o = of_certificate(leaf), *shown;
	struct denied e, back;
	struct err err;

	cJSON_AddStringToObject(o, "until", "2090-01-31T12:00:00Z");
	assert_int_equal(denied_parse(&e, o, "me", &err), 0);
	cJSON_Delete(o);
	/* One that has ended is shown, too. */
	e.until = 1000;
	e.added_at = 500;
	shown = denied_json(&e);
	assert_int_equal(denied_of_json(&back, shown, &err), 0);
	assert_true(denied_same(&e, &back));
	assert_string_equal(e.subject, back.subject);
	denied_cleanup(&back);
	cJSON_ReplaceItemInObject(shown, "serial", cJSON_CreateString("0A"));
	assert_int_equal(denied_of_json(&back, shown, &err), E_PARSE);
	cJSON_Delete(shown);
	denied_cleanup(&e);
	X509_free(leaf);
}

static void
what_cannot_be_kept_is_refused(void **state)
{
	static const char *const entries[] = {
	    "{\"spkiSha256\":\"" D64 "\",\"until\":999999999999}",
	    "{\"spkiSha256\":\"" D64 "\",\"until\":253402300800}",
	    "{\"spkiSha256\":\"" D64 "\",\"until\":-1}",
	    "{\"spkiSha256\":\"" D64 "\",\"until\":1.5}",
	    "{\"spkiSha256\":\"" D64 "\",\"until\":\"1970-01-01T00:00:00Z\"}",
	    "{\"spkiSha256\":\"" D64 "\",\"until\":\"1969-01-01T00:00:00Z\"}",
	    "{\"spkiSha256\":\"" D64 "\",\"until\":\"2030-02-30T00:00:00Z\"}",
	    "{\"spkiSha256\":\"" D64 "\",\"until\":\"33658-09-27T01:46:39Z\"}",
	    "{\"spkiSha256\":\"" D64 "\",\"reason\":\"\xe9\"}",
	    "{\"spkiSha256\":\"" D63 "\"}",
	    "{\"issuer\":\"MAA=\",\"serial\":\"" D64 D64 "\"}",
	    "{\"issuer\":\"MAA=\",\"serial\":\"" D64 D63 "\"}",
	    "{\"issuer\":\"MAAA\",\"serial\":\"1\"}",
	    "{\"issuer\":\"MA==\",\"serial\":\"1\"}",
	};
	struct stores s = open_stores();
	struct err err;

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		if (deny_text(&s, entries[i], &err) != E_PARSE)
			fail_msg("taken: %s", entries[i]);
		assert_int_equal(denylist_num(s.denylist), 0);
		close_stores(&s);
		s = open_stores();
		assert_int_equal(denylist_num(s.denylist), 0);
	}
	/* The last that there is. */
	assert_int_equal(
	    deny_text(&s,
		"{\"spkiSha256\":\"00000000000000000000000000000000"
		"00000000000000000000000000000001\","
		"\"until\":253402300799}",
		&err),
	    0);
	close_stores(&s);
	s = open_stores();
	assert_int_equal(denylist_num(s.denylist), 1);
	close_stores(&s);
}

/* The empty Name is one, 30 00, though no CA should have it. */
static void
an_issuer_without_name(void **state)
{
	struct stores s = open_stores();
	struct err err;
	cJSON *list, *o;

	(void)state;
	assert_int_equal(
	    deny_text(&s, "{\"issuer\":\"MAA=\",\"serial\":\"01\"}", &err), 0);
	list = denylist_json(s.denylist);
	o = cJSON_GetArrayItem(list, 0);
	assert_string_equal(
	    cJSON_GetStringValue(cJSON_GetObjectItem(o, "issuer")), "MAA=");
	assert_null(cJSON_GetObjectItem(o, "issuerName"));
	cJSON_Delete(list);
	close_stores(&s);
	s = open_stores();
	assert_int_equal(denylist_num(s.denylist), 1);
	close_stores(&s);
}

static int
allow(struct stores *s, const char *name, bool allowed, struct err *err)
{
	int rc = state_db_begin(s->db, err);

	assert_int_equal(rc, 0);
	rc = allowed_subjects_set(s->subjects, HOLDER, name, allowed, err);
	return state_db_end(s->db, rc, err);
}

static void
subjects_are_names(void **state)
{
	struct stores s = open_stores();
	char text[700];
	struct err err;

	assert_false(allowed_subjects_enforced(s.subjects));
	snprintf(text, sizeof(text), "CN=%0*d", 600, 1);
	assert_int_equal(allow(&s, text, true, &err), E_PARSE);
	/* Each octet becomes three: no certificate could be compared with it.
	 */
	memset(text, 0, sizeof(text));
	strcpy(text, "O=");
	for (int i = 0; i < 60; i++)
		strcat(text, "\xc3\xa9");
	assert_int_equal(allow(&s, text, true, &err), 0);
	for (int i = 0; i < 130; i++)
		strcat(text, "\xc3\xa9");
	assert_int_equal(allow(&s, text, true, &err), E_PARSE);
	assert_int_equal(allow(&s, "O=caf\xe9", true, &err), E_PARSE);
	assert_int_equal(allow(&s, "", true, &err), E_PARSE);
	assert_int_equal(allow(&s, "alice", true, &err), E_PARSE);
	assert_int_equal(allow(&s, "O=Alice, L=London, C=GB", true, &err), 0);
	assert_true(name_set_has(
	    allowed_subjects_names(s.subjects), "O=Alice,L=London,C=GB"));
	assert_true(allowed_subjects_enforced(s.subjects));
	close_stores(&s);
	s = open_stores();
	assert_int_equal(name_set_num(allowed_subjects_names(s.subjects)), 2);
	assert_true(name_set_has(
	    allowed_subjects_names(s.subjects), "o=alice,l=london,c=gb"));
	/* Without regard to case it is the same, and goes. */
	assert_int_equal(allow(&s, "O=ALICE,L=London,C=GB", true, &err), 0);
	assert_int_equal(name_set_num(allowed_subjects_names(s.subjects)), 2);
	assert_int_equal(allow(&s, "O=alice,L=London,C=GB", false, &err), 0);
	assert_false(name_set_has(
	    allowed_subjects_names(s.subjects), "O=Alice,L=London,C=GB"));
	close_stores(&s);
}

/* Two holding identities allow it: it stays until both have removed it. */
static void
a_subject_of_two_stays_for_one(void **state)
{
	static const char *const holders[] = {HOLDER, "00000000000c"};
	struct stores s = open_stores();
	struct err err;
	int rc;

	for (int on = 1; on >= 0; on--)
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(state_db_begin(s.db, &err), 0);
			rc = allowed_subjects_set(
			    s.subjects, holders[i], "CN=x", on, &err);
			assert_int_equal(state_db_end(s.db, rc, &err), 0);
			assert_int_equal(
			    name_set_has(
				allowed_subjects_names(s.subjects), "CN=x"),
			    on || i == 0);
		}
	/* An empty list that was begun lets nobody in, after a start, too. */
	assert_true(allowed_subjects_enforced(s.subjects));
	close_stores(&s);
	s = open_stores();
	assert_true(allowed_subjects_enforced(s.subjects));
	assert_int_equal(name_set_num(allowed_subjects_names(s.subjects)), 0);
	close_stores(&s);
}

/* Neither who was let in nor who was put out, nor that a list was begun. */
static void
a_subject_that_is_not_committed_is_as_before(void **state)
{
	struct stores s = open_stores();
	struct err err;

	for (int begun = 0; begun < 2; begun++) {
		assert_int_equal(state_db_begin(s.db, &err), 0);
		assert_int_equal(allowed_subjects_set(
				     s.subjects, HOLDER, "CN=new", true, &err),
		    0);
		assert_int_equal(allowed_subjects_set(
				     s.subjects, HOLDER, "CN=old", false, &err),
		    0);
		assert_true(allowed_subjects_enforced(s.subjects));
		assert_int_equal(
		    state_db_end(s.db, E_INTERNAL, &err), E_INTERNAL);
		for (int i = 0; i < 2; i++) {
			const struct name_set *names =
			    allowed_subjects_names(s.subjects);

			assert_false(name_set_has(names, "CN=new"));
			assert_int_equal(name_set_has(names, "CN=old"), begun);
			assert_int_equal(
			    allowed_subjects_enforced(s.subjects), begun);
			close_stores(&s);
			s = open_stores();
		}
		assert_int_equal(allow(&s, "CN=old", true, &err), 0);
	}
	close_stores(&s);
}

/* The one beyond is refused, what is there can go, then there is room. */
static void
limits_are_kept_and_never_stop_a_start(void **state)
{
	struct stores s = open_stores();
	struct err err;

	close_stores(&s);
	by_hand("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		" WHERE i < 100000) INSERT INTO allowed_subject(holder, name)"
		" SELECT '" HOLDER "', 'CN=' || i FROM n");
	by_hand("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		" WHERE i < 1000) INSERT INTO member(id)"
		" SELECT printf('%012X', i) FROM n");
	s = open_stores();
	assert_int_equal(
	    name_set_num(allowed_subjects_names(s.subjects)), 100000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(allow(&s, "CN=more", true, &err), E_LIMIT);
		/* What is there already is no more. */
		assert_int_equal(allow(&s, "CN=7", true, &err), 0);
		assert_int_equal(members_change(s.members, "FFFFFFFFFFFF", NULL,
				     NULL, NULL, &err),
		    E_LIMIT);
		close_stores(&s);
		s = open_stores();
		assert_int_equal(
		    name_set_num(allowed_subjects_names(s.subjects)), 100000);
		assert_int_equal(members_num(s.members), 1000);
	}
	assert_int_equal(allow(&s, "CN=7", false, &err), 0);
	assert_int_equal(allow(&s, "CN=more", true, &err), 0);
	assert_true(
	    name_set_has(allowed_subjects_names(s.subjects), "CN=more"));
	close_stores(&s);
}

/* In memory, one by one: there is no other way to a row that names itself. */
static void
the_denylist_has_a_limit(void **state)
{
	struct stores s = {.db = NULL};
	char text[200];
	struct err err;

	assert_int_equal(state_db_open(&s.db, NULL, NULL, &err), 0);
	assert_int_equal(denylist_open(&s.denylist, s.db, &err), 0);
	for (int i = 0; i <= DENYLIST_MAX; i++) {
		snprintf(text, sizeof(text), "{\"spkiSha256\":\"%064d\"}", i);
		assert_int_equal(
		    deny_text(&s, text, &err), i < DENYLIST_MAX ? 0 : E_LIMIT);
	}
	assert_int_equal(denylist_num(s.denylist), DENYLIST_MAX);
	/* One that is there already is no more, and a start takes them all. */
	snprintf(text, sizeof(text), "{\"spkiSha256\":\"%064d\"}", 7);
	assert_int_equal(deny_text(&s, text, &err), 0);
	assert_int_equal(denylist_num(s.denylist), DENYLIST_MAX);
	assert_int_equal(denylist_apply(s.denylist, engine, &err), 0);
	assert_int_equal(revcheck_set_denylist(engine, NULL, 0, NULL), 0);
	close_stores(&s);
}

static int
make_key(struct stores *s, const char *alias, struct err *err)
{
	static const char scheme[] = "CORDA.ECDSA.SECP256R1";
	struct keystore_key *k;
	int rc = keystore_check_new(s->keys, HOLDER, alias, "TLS", scheme, err);

	if (rc != 0)
		return rc;
	assert_int_equal(
	    keystore_new_key(s->keys, &k, HOLDER, alias, "TLS", scheme, err),
	    0);
	return members_keep_key(s->members, s->keys, k, err);
}

static int
put_chain(struct stores *s, const char *alias, struct err *err)
{
	struct certstore_list list = {.v = {root.cert}, .num = 1};
	int rc = state_db_begin(s->db, err);

	assert_int_equal(rc, 0);
	rc = certstore_put(s->certs, HOLDER, CERTSTORE_TLS, alias, &list, err);
	return state_db_end(s->db, rc, err);
}

static void
aliases_are_text(void **state)
{
	static const char *const bad[] = {"caf\xe9", "\xc3", "a\nb", "", "\x7f",
	    "\xed\xa0\x80",
	    "012345678901234567890123456789012345678901234567890123456789012345"
	    "6"
	    "789012345678901234567890123456789x"};
	static const char *const good[] = {"caf\xc3\xa9", "a'b\"c", "%s", " "};
	struct stores s = open_stores();
	struct err err;
	char *pem;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(make_key(&s, bad[i], &err), E_PARSE);
		assert_int_equal(put_chain(&s, bad[i], &err), E_PARSE);
	}
	assert_int_equal(members_num(s.members), 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(make_key(&s, good[i], &err), 0);
		assert_int_equal(make_key(&s, good[i], &err), E_ARG);
		assert_int_equal(put_chain(&s, good[i], &err), 0);
	}
	close_stores(&s);
	s = open_stores();
	assert_int_equal(keystore_num(s.keys), 4);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_string_equal(keystore_get(s.keys, i)->alias, good[i]);
		assert_int_equal(certstore_get(s.certs, HOLDER, CERTSTORE_TLS,
				     good[i], &pem, &err),
		    0);
		free(pem);
	}
	close_stores(&s);
}

/* The holding identity is not known: neither is the chain there. */
static void
a_chain_is_of_somebody(void **state)
{
	struct stores s = open_stores();
	struct err err;
	char *pem;

	assert_int_not_equal(put_chain(&s, "a", &err), 0);
	assert_int_equal(
	    certstore_get(s.certs, HOLDER, CERTSTORE_TLS, "a", &pem, &err),
	    E_ARG);
	close_stores(&s);
}

/* What is taken back is as it was, in memory and at the next start. */
static void
a_key_that_is_not_committed_is_not_there(void **state)
{
	struct stores s = open_stores();
	struct keystore_key *k;
	char id[KEYSTORE_ID_SIZE];
	struct err err;
	cJSON *o = cJSON_Parse("{\"tls\":[]}");

	assert_int_equal(make_key(&s, "first", &err), 0);
	assert_int_equal(keystore_new_key(s.keys, &k, HOLDER, "second", "TLS",
			     "CORDA.EDDSA.ED25519", &err),
	    0);
	memcpy(id, k->id, sizeof(id));
	assert_int_equal(state_db_begin(s.db, &err), 0);
	assert_int_equal(keystore_keep(s.keys, k, &err), 0);
	assert_ptr_equal(keystore_find(s.keys, HOLDER, id), k);
	assert_int_equal(
	    members_set(s.members, HOLDER, "CN=x", o, NULL, &err), 0);
	assert_int_equal(
	    members_set(s.members, "00000000000A", NULL, NULL, o, &err), 0);
	assert_string_equal(members_find(s.members, HOLDER)->name, "CN=x");
	assert_int_equal(state_db_end(s.db, E_INTERNAL, &err), E_INTERNAL);
	keystore_discard(s.keys, k);
	for (int i = 0; i < 2; i++) {
		assert_null(keystore_find(s.keys, HOLDER, id));
		assert_int_equal(keystore_num(s.keys), 1);
		assert_int_equal(members_num(s.members), 1);
		assert_null(members_find(s.members, HOLDER)->name);
		assert_null(members_find(s.members, HOLDER)->registration);
		close_stores(&s);
		s = open_stores();
	}
	cJSON_Delete(o);
	close_stores(&s);
}

/* A row that is not as a change writes it says where it is. */
static void
another_hand_is_noticed(void **state)
{
	static const struct {
		const char *sql, *says;
	} rows[] = {
	    {"UPDATE denied SET serial = x'08'", "table denied, id '"},
	    {"UPDATE denied SET issuer = x'3000'", "table denied, id '"},
	    {"UPDATE denied SET id = 'abc'", "table denied, id 'abc'"},
	    {"UPDATE denied SET until = -1", "table denied, id '"},
	    {"UPDATE denied SET until = 1 << 40", "table denied, id '"},
	    {"UPDATE denied SET at = 1 << 40", "table denied, id '"},
	    {"UPDATE denied SET reason = CAST(x'e9' AS TEXT)",
		"table denied, id '"},
	    {"UPDATE denied SET reason = hex(zeroblob(200))",
		"table denied, id '"},
	    {"UPDATE denied SET issuer = NULL, serial = NULL, spki = x'00'",
		"table denied, id '"},
	    {"UPDATE allowed_subject SET name = ''", "table allowed_subject"},
	    {"UPDATE allowed_subject SET holder = 'x'", "holder 'x'"},
	    {"UPDATE allowed_subject SET name = hex(zeroblob(300))",
		"table allowed_subject"},
	    {"UPDATE member SET id = 'x'", "table member, id 'x'"},
	    {"UPDATE member SET name = 'x'", "table member"},
	    {"UPDATE member SET setup = '['", "table member"},
	    {"UPDATE member SET registration = '[]'", "table member"},
	    {"UPDATE key SET tenant = 'x'", "table key, id '"},
	    {"UPDATE key SET id = '0123456789AB'", "table key, id '"},
	    {"UPDATE key SET alias = ''", "table key, id '"},
	    {"UPDATE key SET category = 'x'", "table key, id '"},
	    {"UPDATE key SET scheme = 'x'", "table key, id '"},
	    {"UPDATE key SET secret = '{}'", "cannot be decrypted"},
	    {"UPDATE chain SET usage = 'x'", "table chain"},
	    {"UPDATE chain SET alias = ''", "table chain"},
	    {"UPDATE chain SET pem = 'x'", "table chain"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint8_t serial[] = {7};
		char id[DENIED_ID_SIZE];
		X509 *leaf = pki_leaf(&root, serial, 1, "http://127.0.0.1/x");
		struct stores s;
		struct err err;

		fresh(NULL);
		s = open_stores();
		assert_int_equal(deny(&s, of_certificate(leaf), id, &err), 0);
		X509_free(leaf);
		assert_int_equal(allow(&s, "CN=x", true, &err), 0);
		assert_int_equal(make_key(&s, "a", &err), 0);
		assert_int_equal(put_chain(&s, "a", &err), 0);
		close_stores(&s);
		by_hand(rows[i].sql);
		if (try_open(&s, &err) == 0)
			fail_msg("opened after %s", rows[i].sql);
		if (strstr(err.msg, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].sql, err.msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(every_serial_can_be_listed, fresh),
	    cmocka_unit_test_setup(many_at_once_are_all_or_none, fresh),
	    cmocka_unit_test_setup(an_entry_shown_is_the_same_entry, fresh),
	    cmocka_unit_test_setup(what_cannot_be_kept_is_refused, fresh),
	    cmocka_unit_test_setup(an_issuer_without_name, fresh),
	    cmocka_unit_test_setup(subjects_are_names, fresh),
	    cmocka_unit_test_setup(a_subject_of_two_stays_for_one, fresh),
	    cmocka_unit_test_setup(
		limits_are_kept_and_never_stop_a_start, fresh),
	    cmocka_unit_test_setup(
		a_subject_that_is_not_committed_is_as_before, fresh),
	    cmocka_unit_test(the_denylist_has_a_limit),
	    cmocka_unit_test_setup(aliases_are_text, fresh),
	    cmocka_unit_test_setup(a_chain_is_of_somebody, fresh),
	    cmocka_unit_test_setup(
		a_key_that_is_not_committed_is_not_there, fresh),
	    cmocka_unit_test_setup(another_hand_is_noticed, fresh),
	};

	return cmocka_run_group_tests_name("state", tests, setup, teardown);
}
