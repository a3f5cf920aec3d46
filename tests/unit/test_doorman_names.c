/*
 * Whose name is it: what a request may be called, and its hosts, beside the
 * members there are, the network itself, and what the operator allows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/conf/name_policy.h"
#include "fixtures/doorman/service/requests/names.h"
#include "fixtures/doorman/service/requests/refusals.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define DAY       86400
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca;
static struct config config = {.name_rules = "corda", .name_require = "O,C"};
static EVP_PKEY *key, *ocsp_key;

/* A policy of these lines. */
static void
allow(const char *lines)
{
	struct findings wrong;
	struct fault f = {""};

	findings_init(&wrong, NULL);
	assert_int_equal(
	    file_replace("allow", view_of(lines, strlen(lines)), 0600, &f), 0);
	name_policy_free(config.names);
	config.names = name_policy_read("allow", &wrong);
	if (findings_fault(&wrong, &f) != 0)
		fail_msg("%s", f.msg);
}

static X509 *
issued(const char *subject, EVP_PKEY *pub, const char *alt, time_t now)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	struct issue_order o = {.kind = ISSUE_PEER,
	    .subject = subject,
	    .public_key = pub,
	    .issuer = ca.cert,
	    .names = list,
	    .now = now,
	    .days = 30};
	struct fault f = {""};
	X509 *cert;

	if (alt != NULL)
		sk_X509_EXTENSION_push(list,
		    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt));
	cert = issue_certificate(&o, ca.seal, &f);
	if (cert == NULL)
		fail_msg("%s", f.msg);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return cert;
}

static int
setup(void **state)
{
	struct fault f;
	X509 *cert;

	(void)state;
	test_ca_make(&root, "Root CA, O=Network", NULL, NOW);
	test_ca_make(&ca, "Doorman CA, O=Network", &root, NOW);
	config.root = root.cert;
	config.doorman = ca.cert;
	key = EVP_EC_gen("P-256");
	ocsp_key = EVP_EC_gen("P-256");
	allow("");
	cert = issued("CN=Doorman OCSP, O=Network", ocsp_key, NULL, NOW);
	assert_int_equal(name_policy_add_own(config.names, cert, &f), 0);
	X509_free(cert);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	name_policy_free(config.names);
	test_ca_free(&root);
	test_ca_free(&ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ocsp_key);
	return 0;
}

/* The DER of a request. */
static void
request(struct buf *der, const char *subject, const char *alt, EVP_PKEY *k)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	X509_REQ *req = X509_REQ_new();
	char canonical[NAME_TEXT_MAX];
	struct fault f = {""};
	X509_NAME *name;

	if (name_canonical(canonical, subject, &f) != 0)
		fail_msg("%s", f.msg);
	name = name_to_x509(canonical, &f);
	assert_non_null(name);
	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, k);
	if (alt != NULL)
		sk_X509_EXTENSION_push(list,
		    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt));
	if (alt != NULL)
		assert_int_equal(X509_REQ_add_extensions(req, list), 1);
	assert_true(X509_REQ_sign(req, k, EVP_sha256()) > 0);
	buf_init(der, 65536);
	test_csr_der(der, req);
	X509_NAME_free(name);
	X509_REQ_free(req);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

static enum intake
asked(const char *subject, const char *alt, EVP_PKEY *k, const char *id,
    struct fault *f)
{
	struct csr csr;
	struct buf der;
	enum intake rc;

	f->msg[0] = '\0';
	request(&der, subject, alt, k);
	if (csr_read(&csr, buf_view(&der), f) != 0)
		fail_msg("%s", f->msg);
	rc = names_may(&test_store, &config, &csr, id, NOW, f);
	csr_cleanup(&csr);
	buf_free(&der);
	return rc;
}

/* says NULL: it may. */
static void
judged(const char *subject, const char *alt, const char *says)
{
	struct fault f;
	enum intake rc = asked(subject, alt, key, "", &f);

	if (says == NULL ? rc != INTAKE_TAKEN
			 : rc != INTAKE_REFUSED || strstr(f.msg, says) == NULL)
		fail_msg("%s %s: %d '%s'", subject, alt != NULL ? alt : "-", rc,
		    f.msg);
}

/* A member with a certificate; its serial number. */
static void
member(const char *subject, const char *alt, time_t now, char serial[64])
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	X509 *cert = issued(subject, k, alt, now);
	struct fault f = {""};
	struct buf der;

	buf_init(&der, 65536);
	test_cert_der(&der, cert);
	cert_serial(serial, cert);
	if (store_run(&test_store, &f,
		"INSERT INTO certificate(list, serial, subject, not_after,"
		" is_ca, der) VALUES('doorman',?,?,?,0,?)",
		"ttib", serial, subject, (int64_t)cert_not_after(cert),
		buf_view(&der)) != 0)
		fail_msg("%s", f.msg);
	buf_free(&der);
	X509_free(cert);
	EVP_PKEY_free(k);
}

static void
the_network_s_rules(void **state)
{
	static const struct config any = {.name_rules = "any"};
	struct config was = config;

	(void)state;
	judged("O=Alice, C=GB", NULL, NULL);
	judged("O=Alice, L=London, C=GB", NULL, NULL);
	judged("O=Alice", NULL, "has no C; this network requires O,C");
	judged("O=Alice, C=XX", NULL, "not a country");
	judged("O=Poison\\ , C=GB", NULL, "begins or ends with a blank");
	snprintf(config.name_require, CONF_TEXT, "O,L,C");
	judged("O=Alice, C=GB", NULL, "has no L; this network requires O,L,C");
	/* Nothing said is Corda's. */
	config.name_rules[0] = '\0';
	judged("O=Alice, L=London, C=XX", NULL, "not a country");
	memcpy(config.name_rules, any.name_rules, CONF_TEXT);
	judged("O=Alice", NULL, NULL);
	config = was;
}

static void
the_network_s_own_names_are_reserved(void **state)
{
	static const char *const reserved[] = {"CN=Doorman CA, O=Network, C=GB",
	    "CN=Root CA, O=Evil, C=GB", "CN=Doorman OCSP, O=Evil, C=GB",
	    "CN=D00rman CA, O=Evil, C=GB", "CN=DOORMAN CA, O=Evil, C=GB",
	    "O=Network, C=GB", "O=NETWORK, C=GB", "O=Netw0rk, L=London, C=GB"};

	(void)state;
	for (size_t i = 0; i < NUM(reserved); i++)
		judged(reserved[i], NULL, "is reserved");
	judged("CN=Doorman, O=Evil, C=GB", NULL, NULL);
	judged("O=Networks, C=GB", NULL, NULL);
}

/* A CA that was taken over has the name that it has. */
static void
a_ca_s_name_may_have_more(void **state)
{
	struct config was = config;
	X509 *other = X509_dup(ca.cert);
	X509_NAME *name = X509_NAME_new();
	struct fault f;

	(void)state;
	X509_NAME_add_entry_by_txt(name, "DC", MBSTRING_ASC,
	    (const unsigned char *)"example", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
	    (const unsigned char *)"Old Network", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"Old CA", -1, -1, 0);
	X509_set_subject_name(other, name);
	config.doorman = other;
	judged("O=Alice, C=GB", NULL, NULL);
	judged("CN=Old CA, O=Alice, C=GB", NULL, "is reserved");
	judged("O=Old Network, C=GB", NULL, "is reserved");
	assert_int_equal(
	    asked("O=Alice, C=GB", NULL, ca.key, "", &f), INTAKE_REFUSED);
	X509_NAME_free(name);
	X509_free(other);
	config = was;
}

static void
the_network_s_own_keys_are_refused(void **state)
{
	EVP_PKEY *const keys[] = {root.key, ca.key, ocsp_key};
	struct fault f;

	(void)state;
	for (size_t i = 0; i < NUM(keys); i++) {
		assert_int_equal(asked("O=Alice, C=GB", NULL, keys[i], "", &f),
		    INTAKE_REFUSED);
		assert_non_null(strstr(f.msg, "the network's own: make a new"));
	}
}

static void
look_alikes_of_members_are_refused(void **state)
{
	char serial[64];

	(void)state;
	member("O=Alice, L=Paris, C=FR", NULL, NOW, serial);
	judged("O=Alice, L=Paris, C=FR", NULL, NULL);
	/* Another of the same organisation. */
	judged("O=Alice, L=London, C=GB", NULL, NULL);
	judged("O=AIice, L=Paris, C=FR", NULL,
	    "looks like that of a member, 'O=Alice, L=Paris, C=FR'");
	judged("O=ALICE, L=London, C=GB", NULL, "looks like");
	judged("O=A1ice, C=GB", NULL, "looks like");
	judged("O=Alicia, C=GB", NULL, NULL);
	/* Once it is over, it is nobody's. */
	assert_int_equal(
	    store_run(&test_store, NULL, "UPDATE certificate SET not_after=?",
		"i", (int64_t)NOW),
	    0);
	judged("O=AIice, L=Paris, C=FR", NULL, NULL);
}

static void
hosts_belong_to_one_member(void **state)
{
	static const char *const theirs[] = {"DNS:bank.example",
	    "DNS:BANK.Example", "DNS:other.example,DNS:bank.example",
	    "DNS:a.wild.example", "IP:10.0.0.1", "IP:2001:db8:0::1",
	    /* Drawn like its u with dots: by another code point below. */
	    "DNS:xn--bnk-sra.example"};
	static const char *const free_ones[] = {"DNS:bank2.example",
	    "DNS:a.bank.example", "DNS:a.b.wild.example", "DNS:wild.example",
	    "IP:10.0.0.2", "IP:2001:db8::2"};
	char serial[64];

	(void)state;
	member("O=Bank, C=GB",
	    "DNS:bank.example,DNS:*.wild.example,IP:10.0.0.1,IP:2001:db8::1,"
	    "DNS:xn--bnk-sra.example",
	    NOW, serial);
	for (size_t i = 0; i < NUM(theirs); i++) {
		judged("O=Mallory, C=GB", theirs[i],
		    "a name that another member holds");
		judged("O=Bank, C=GB",
		    strstr(theirs[i], "wild") ? NULL : theirs[i], NULL);
	}
	for (size_t i = 0; i < NUM(free_ones); i++)
		judged("O=Mallory, C=GB", free_ones[i], NULL);
	/* An approved revocation sets them free; one that is asked for or
	 * was rejected does not. */
	for (int i = 0; i < 3; i++) {
		static const char *const states[] = {
		    "TICKET_CREATED", "REJECTED", "APPROVED"};
		test_id id;

		test_put_revocation(id, "doorman", serial, 1, NOW);
		test_set_state(id, states[i]);
		judged("O=Mallory, C=GB", theirs[0],
		    i < 2 ? "a name that another member holds" : NULL);
		test_set_state(id, "WITHDRAWN");
	}
}

/* Clients that find no DNS name in a certificate look for a host in CN. */
static void
a_cn_that_is_a_host_is_one(void **state)
{
	static const struct {
		const char *name, *says;
	} rows[] = {
	    {"CN=bank.example, O=Mallory, C=GB", "another member holds"},
	    {"CN=Teller.Example, O=Mallory, C=GB", "another member holds"},
	    {"CN=10.0.0.1, O=Mallory, C=GB", "another member holds"},
	    {"CN=*.corda.net, O=Mallory, C=GB", "is a wildcard"},
	    {"CN=w*.corda.net, O=Mallory, C=GB", "no host with a wildcard"},
	    {"CN=*.*, O=Mallory, C=GB", "no host with a wildcard"},
	    {"CN=LocalHost, O=Mallory, C=GB", "is a loopback name"},
	    {"CN=127.0.0.1, O=Mallory, C=GB", "is a loopback address"},
	    {"CN=::1, O=Mallory, C=GB", "is the loopback address"},
	    {"CN=mallory.example, O=Mallory, C=GB", NULL},
	    {"CN=Mallory, O=Mallory, C=GB", NULL},
	    {"CN=Mallory Inc., O=Mallory, C=GB", NULL},
	};
	char serial[64];
	struct buf der;
	test_id id;

	(void)state;
	member("O=Bank, C=GB", "DNS:bank.example,IP:10.0.0.1", NOW, serial);
	member("CN=teller.example, O=Bank, C=GB", NULL, NOW, serial);
	for (size_t i = 0; i < NUM(rows); i++)
		judged(rows[i].name, NULL, rows[i].says);
	/* Held by CN, and by the CN of what was approved. */
	judged("O=Mallory, C=GB", "DNS:teller.example", "another member holds");
	request(&der, "CN=vault.example, O=Safe, C=GB", NULL, key);
	test_put_csr(id, "CN=vault.example, O=Safe, C=GB", buf_view(&der));
	buf_free(&der);
	test_set_state(id, "APPROVED");
	judged("O=Mallory, C=GB", "DNS:vault.example", "another member holds");
	allow("CN=localhost, O=Mallory, C=GB | localhost\n");
	judged("CN=localhost, O=Mallory, C=GB", NULL, NULL);
	allow("");
}

/* What was approved holds its names; what is asked for does not. */
static void
approval_holds_a_name(void **state)
{
	static const struct {
		const char *state;
		bool holds;
	} rows[] = {
	    {"NEW", false},
	    {"TICKET_CREATED", false},
	    {"APPROVED", true},
	    {"FAILED", true},
	    {"REJECTED", false},
	    {"WITHDRAWN", false},
	};
	struct fault f;
	struct buf der;
	test_id id;

	(void)state;
	request(&der, "O=Bank, C=GB", "DNS:bank.example", key);
	test_put_csr(id, "O=Bank, C=GB", buf_view(&der));
	buf_free(&der);
	for (size_t i = 0; i < NUM(rows); i++) {
		test_set_state(id, rows[i].state);
		judged("O=Mallory, C=GB", "DNS:bank.example",
		    rows[i].holds ? "another member holds" : NULL);
		judged("O=BANK, C=GB", NULL,
		    rows[i].holds ? "looks like that of a member" : NULL);
		/* Not in its own way. */
		assert_int_equal(
		    asked("O=Bank, C=GB", "DNS:bank.example", key, id, &f),
		    INTAKE_TAKEN);
	}
}

static void
the_operator_allows(void **state)
{
	static const struct {
		const char *alt, *says;
	} rows[] = {
	    {"DNS:*.alice.example",
		"DNS *.alice.example is a wildcard: "
		"'O=Alice, C=GB' may have it only if"},
	    {"DNS:localhost", "is a loopback name"},
	    {"DNS:alice", "is a single label"},
	    {"IP:127.0.0.1", "IP 127.0.0.1 is a loopback address"},
	    {"IP:0.0.0.0", "is an unspecified address"},
	    {"IP:0:0:0:0:0:0:0:1", "IP ::1 is the loopback address"},
	    {"DNS:bank.example", "another member holds"},
	    {"DNS:good.example,IP:127.0.0.1", "is a loopback address"},
	};
	char serial[64];

	(void)state;
	member("O=Bank, C=GB", "DNS:bank.example", NOW, serial);
	for (size_t i = 0; i < NUM(rows); i++)
		judged("O=Alice, C=GB", rows[i].alt, rows[i].says);
	allow("# our members\n\n"
	      "C=GB, O=Alice | *.alice.example localhost alice  127.0.0.0/8\n"
	      "\tO=Bob, C=GB|\n"
	      "O=Network, C=GB |\n"
	      "O=Carol, C=GB | 0.0.0.0 ::1 bank.example\r\n");
	for (size_t i = 0; i < 4; i++) {
		judged("O=Alice, C=GB", rows[i].alt, NULL);
		judged("O=Bob, C=GB", rows[i].alt, "only if the operator");
	}
	for (size_t i = 4; i < 7; i++)
		judged("O=Carol, C=GB", rows[i].alt, NULL);
	judged("O=Alice, C=GB", "DNS:*.other.example", "is a wildcard");
	judged("O=Alice, C=GB", "DNS:localhost,DNS:a,IP:127.1.2.3",
	    "DNS a is a single label");
	/* A line is the operator's word that this is one of ours. */
	judged("O=Network, C=GB", NULL, NULL);
	judged("O=BANK, C=GB", NULL, "looks like that of a member");
	allow("O=BANK, C=GB |\n");
	judged("O=BANK, C=GB", NULL, NULL);
	judged("O=BANK, C=GB", "DNS:bank.example", "another member holds");
	judged("CN=Doorman CA, O=Network, C=GB", NULL, "is reserved");
	allow("");
}

/* Only the last ones are kept: anybody can be turned away. */
static void
refusals_give_way(void **state)
{
	struct fault f;
	FILE *out = tmpfile();
	char line[4096], first[64];
	int rows = 0;
	bool newest = false;

	(void)state;
	for (int i = 0; i < REFUSALS_KEPT + 5; i++) {
		struct csr csr = {.num_names = 0, .key = "EC P-256"};

		snprintf(
		    csr.subject, sizeof(csr.subject), "O=No\\; %d, C=GB", i);
		refusals_note(
		    &test_store, &csr, "192.0.2.1", "why; not", NOW + i);
	}
	assert_int_equal(test_count("refusal"), REFUSALS_KEPT);
	assert_int_equal(refusals_print(&test_store, out, &f), 0);
	rewind(out);
	snprintf(first, sizeof(first), "O=No\\\\u{3B} %d, ", REFUSALS_KEPT + 4);
	while (fgets(line, sizeof(line), out) != NULL) {
		const char *p = line;
		int columns = 0;

		if (strncmp(line, "2027-", 5) != 0)
			continue;
		for (; (p = strchr(p, ';')) != NULL; p++)
			columns++;
		assert_int_equal(columns, 4);
		newest = newest || (rows == 0 && strstr(line, first) != NULL);
		assert_null(strstr(line, " 4, C=GB"));
		rows++;
	}
	fclose(out);
	assert_true(newest);
	assert_int_equal(rows, REFUSALS_KEPT);
}

static void
mistakes_are_named_by_line(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {"O=Alice, C=GB\n", ":1: expected 'LEGAL NAME | PATTERN ...'"},
	    {"\n# x\nAlice | a.example\n", ":3: 'Alice ' in the name is not"},
	    {"O=Alice | a..b\n", ":1: 'a..b' is no pattern"},
	    {"O=Alice | *.*\n", ":1: '*.*' is no pattern"},
	    {"O=Alice | 10.0.0.1/8\n", ":1: '10.0.0.1/8' has bits beyond"},
	    {"O=A, C=GB | a\nC=GB, O=A | b\n",
		":2: 'O=A, C=GB' has a line already"},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct findings wrong;
		struct fault f = {""};
		struct name_policy *p;

		findings_init(&wrong, NULL);
		assert_int_equal(
		    file_replace("allow",
			view_of(rows[i].text, strlen(rows[i].text)), 0600, &f),
		    0);
		p = name_policy_read("allow", &wrong);
		assert_non_null(p);
		if (findings_fault(&wrong, &f) == 0 ||
		    strstr(f.msg, rows[i].says) == NULL)
			fail_msg("row %zu: '%s'", i, f.msg);
		name_policy_free(p);
	}
	{
		struct findings wrong;
		struct fault f = {""};

		findings_init(&wrong, NULL);
		name_policy_free(name_policy_read("no-such-file", &wrong));
		assert_int_equal(findings_fault(&wrong, &f), -1);
		assert_non_null(strstr(f.msg, "no-such-file"));
	}
}

#define WITH_STORE(test)                 \
	cmocka_unit_test_setup_teardown( \
	    test, test_store_setup, test_store_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_STORE(the_network_s_rules),
	    WITH_STORE(the_network_s_own_names_are_reserved),
	    WITH_STORE(a_ca_s_name_may_have_more),
	    WITH_STORE(the_network_s_own_keys_are_refused),
	    WITH_STORE(look_alikes_of_members_are_refused),
	    WITH_STORE(hosts_belong_to_one_member),
	    WITH_STORE(a_cn_that_is_a_host_is_one),
	    WITH_STORE(approval_holds_a_name),
	    WITH_STORE(the_operator_allows),
	    WITH_STORE(refusals_give_way),
	    cmocka_unit_test(mistakes_are_named_by_line),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
