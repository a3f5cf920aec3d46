/*
 * What the service takes the signer can sign: thousands of odd requests come
 * to the door, and each that is let in becomes a certificate that the service
 * publishes, with no request ever FAILED.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "fixtures/doorman/base/csr.h"
#include "fixtures/doorman/base/issue.h"
#include "fixtures/doorman/service/desk/publish.h"
#include "fixtures/doorman/service/requests/intake.h"
#include "tests/doorman/test_ca.h"
#include "tests/doorman/test_store.h"

#define NOW       1800000000
#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct test_ca root, ca;
static struct config config = {.max_open_requests = 100,
    .max_open_certificate_requests = 100,
    .max_open_per_address = 100,
    .approvals_ca_compromise = 1,
    .public_url = "http://crl.example"};
static const struct asker anybody = {.origin = "192.0.2.1"};
static const struct signer signer = {"ann", "", -1};
static EVP_PKEY *keys[3];
static int taken, refused;

static int
setup(void **state)
{
	test_ca_make(&root, "Root", NULL, NOW);
	test_ca_make(&ca, "Doorman", &root, NOW);
	config.root = root.cert;
	config.doorman = ca.cert;
	keys[0] = EVP_EC_gen("P-256");
	keys[1] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	keys[2] = EVP_RSA_gen(2048);
	if (test_store_setup(state) != 0)
		return -1;
	/* Thousands of transactions, and no power cut. */
	return store_run(&test_store, NULL, "PRAGMA synchronous=OFF", "");
}

static int
teardown(void **state)
{
	for (size_t i = 0; i < NUM(keys); i++)
		EVP_PKEY_free(keys[i]);
	test_ca_free(&root);
	test_ca_free(&ca);
	return test_store_teardown(state);
}

static void
forget(void)
{
	struct fault f = {""};
	static const char *const tables[] = {"DELETE FROM certificate",
	    "DELETE FROM transition", "DELETE FROM report",
	    "DELETE FROM approval", "DELETE FROM request"};

	for (size_t i = 0; i < NUM(tables); i++)
		if (store_run(&test_store, &f, tables[i], "") != 0)
			fail_msg("%s", f.msg);
}

/* The signer's part, with the signer's functions. */
static void
is_signed(const char *what, const char *id, struct view der)
{
	struct fault f = {""};
	struct csr csr;
	struct issue_order o = {.kind = ISSUE_PEER,
	    .issuer = ca.cert,
	    .crl_url = "http://crl.example/certificate-revocation-list/doorman",
	    .ocsp_url = "http://ocsp.example",
	    .now = NOW,
	    .days = 30};
	struct buf out;
	X509 *cert;

	if (csr_read(&csr, der, &f) != 0)
		fail_msg("%s: taken, and unreadable: %s", what, f.msg);
	o.subject = csr.subject;
	o.public_key = csr.public_key;
	o.names = csr.extensions;
	cert = issue_certificate(&o, ca.seal, &f);
	if (cert == NULL)
		fail_msg("%s: taken, and not to be signed: %s", what, f.msg);
	buf_init(&out, 1 << 20);
	test_cert_der(&out, cert);
	test_set_state(id, "APPROVED");
	if (publish_certificate(&test_store, &config, id, buf_view(&out),
		&signer, NOW, &f) != PUBLISH_DONE)
		fail_msg("%s: taken, signed and refused: %s", what, f.msg);
	buf_free(&out);
	X509_free(cert);
	csr_cleanup(&csr);
}

/* Signs the request and brings it to the door. */
static void
comes(const char *what, X509_REQ *req, EVP_PKEY *key)
{
	const EVP_MD *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
	struct fault f = {""};
	struct buf der;
	test_id id;

	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_true(X509_REQ_sign(req, key, md) > 0);
	buf_init(&der, 1 << 20);
	test_csr_der(&der, req);
	switch (intake_csr(
	    &test_store, &config, buf_view(&der), &anybody, NOW, id, &f)) {
	case INTAKE_TAKEN:
		is_signed(what, id, buf_view(&der));
		taken++;
		break;
	case INTAKE_REFUSED:
		assert_true(f.msg[0] != '\0');
		refused++;
		break;
	default:
		fail_msg("%s: neither taken nor refused: %s", what, f.msg);
	}
	buf_free(&der);
	X509_REQ_free(req);
	forget();
}

struct value {
	const char *bytes;
	int len; /* -1: up to the NUL */
};

static char long_value[400];

static const struct value values[] = {
    {"Alice", -1},
    {"Alice and Bob", -1},
    {" Alice", -1},
    {"Alice ", -1},
    {"A  B", -1},
    {"", -1},
    {" ", -1},
    {"GB", -1},
    {"gb", -1},
    {"GBR", -1},
    {"A,B", -1},
    {"A+B", -1},
    {"A=B", -1},
    {"A;B", -1},
    {"A\\B", -1},
    {"#A", -1},
    {"\"A\"", -1},
    {"<A>", -1},
    {"A\0B", 3},
    {"A\nB", -1},
    {"\303\251", -1},
    {"\303", -1},
    {"\377\376", -1},
    {"\346\227\245\346\234\254", -1},
    {"e\314\201", -1},
    {"A\302\233B", -1},
    {"A\342\200\256B", -1},
    {"\357\277\277", -1},
    {"\0A\0l", 4}, /* of two bytes each, for BMPString */
    {"\0\0\0A\0\0\0l", 8},
    {"A*", -1},
    {"$DOLLAR", -1},
};

static const int types[] = {V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING,
    V_ASN1_T61STRING, V_ASN1_BMPSTRING, V_ASN1_UNIVERSALSTRING,
    V_ASN1_IA5STRING};
static const int attributes[] = {NID_organizationName, NID_commonName,
    NID_organizationalUnitName, NID_localityName, NID_stateOrProvinceName,
    NID_countryName, NID_pkcs9_emailAddress, NID_serialNumber,
    NID_domainComponent, NID_givenName, NID_streetAddress, NID_title};

static bool
add(X509_NAME *name, int nid, int type, const char *bytes, int len, int set)
{
	return X509_NAME_add_entry_by_NID(name, nid, type,
		   (const unsigned char *)bytes, len, -1, set) == 1;
}

static X509_REQ *
request_of(X509_NAME *name)
{
	X509_REQ *req = X509_REQ_new();

	assert_non_null(req);
	assert_int_equal(X509_REQ_set_version(req, X509_REQ_VERSION_1), 1);
	/* Nor does OpenSSL encode all that it lets one put together. */
	if (X509_REQ_set_subject_name(req, name) != 1) {
		X509_REQ_free(req);
		req = NULL;
	}
	X509_NAME_free(name);
	return req;
}

/* One odd attribute, of each type and value, beside what is asked of all. */
static void
odd_attribute(int nid, int type, const char *bytes, int len)
{
	X509_NAME *name = X509_NAME_new();
	X509_REQ *req;
	char what[96];

	snprintf(what, sizeof(what), "%s of type %d: '%.40s' (%d)",
	    OBJ_nid2sn(nid), type, bytes, len);
	if (nid != NID_organizationName)
		add(name, NID_organizationName, MBSTRING_UTF8, "Base", -1, 0);
	if (nid != NID_localityName)
		add(name, NID_localityName, MBSTRING_UTF8, "London", -1, 0);
	if (nid != NID_countryName)
		add(name, NID_countryName, MBSTRING_UTF8, "GB", -1, 0);
	/* OpenSSL does not make some of them. */
	if (!add(name, nid, type, bytes, len < 0 ? (int)strlen(bytes) : len,
		0)) {
		X509_NAME_free(name);
		return;
	}
	req = request_of(name);
	if (req != NULL)
		comes(what, req, keys[0]);
}

static void
all_odd_names(const char *rules)
{
	static const int lengths[] = {
	    1, 2, 3, 63, 64, 65, 127, 128, 129, 255, 256, 399};

	snprintf(config.name_rules, sizeof(config.name_rules), "%s", rules);
	taken = refused = 0;
	for (size_t a = 0; a < NUM(attributes); a++)
		for (size_t t = 0; t < NUM(types); t++)
			for (size_t v = 0; v < NUM(values); v++)
				odd_attribute(attributes[a], types[t],
				    values[v].bytes, values[v].len);
	memset(long_value, 'x', sizeof(long_value));
	for (size_t a = 0; a < NUM(attributes); a++)
		for (size_t i = 0; i < NUM(lengths); i++)
			odd_attribute(attributes[a], V_ASN1_UTF8STRING,
			    long_value, lengths[i]);
	/* Neither is all there is: the test would prove nothing. */
	print_message("# %s: %d taken, %d refused\n", rules, taken, refused);
	assert_true(taken > 50);
	assert_true(refused > 500);
}

static void
odd_names_of_any_kind(void **state)
{
	(void)state;
	all_odd_names("any");
}

static void
odd_names_by_corda_s_rules(void **state)
{
	(void)state;
	all_odd_names("corda");
}

/* Names with more than one of a kind, in one set, in another order, empty. */
static void
odd_forms(void **state)
{
	static const struct {
		int nid[4];
		int set[4];
	} rows[] = {
	    {{0}, {0}},
	    {{NID_countryName, NID_localityName, NID_organizationName}, {0}},
	    {{NID_organizationName, NID_countryName, NID_localityName},
		{0, -1, -1}},
	    {{NID_organizationName, NID_organizationName, NID_countryName,
		 NID_localityName},
		{0}},
	    {{NID_organizationName, NID_localityName, NID_countryName,
		 NID_commonName},
		{0, 0, 0, -1}},
	    {{NID_countryName}, {0}},
	    {{NID_commonName}, {0}},
	};

	(void)state;
	snprintf(config.name_rules, sizeof(config.name_rules), "any");
	taken = refused = 0;
	for (size_t i = 0; i < NUM(rows); i++) {
		for (size_t k = 0; k < NUM(keys); k++) {
			X509_NAME *name = X509_NAME_new();
			char what[32];

			snprintf(what, sizeof(what), "form %zu", i);
			for (int n = 0; n < 4 && rows[i].nid[n] != 0; n++)
				add(name, rows[i].nid[n], MBSTRING_UTF8,
				    rows[i].nid[n] == NID_countryName
					? "GB"
					: "London",
				    -1, rows[i].set[n]);
			comes(what, request_of(name), keys[k]);
		}
	}
	assert_true(taken >= 3);
	assert_true(refused >= 3);
}

/* Alternative names, as OpenSSL's configuration writes them. */
static void
odd_alternative_names(void **state)
{
	static const char *const rows[] = {"DNS:a.example",
	    "DNS:a.example,DNS:b.example", "DNS:a.example,IP:192.0.2.7",
	    "IP:2001:db8::1", "DNS:A.Example", "DNS:a.example.",
	    "DNS:*.a.example", "DNS:a..b", "DNS:", "DNS:a b", "DNS:-a.example",
	    "DNS:localhost", "IP:0.0.0.0", "IP:127.0.0.1", "email:a@b.example",
	    "URI:http://a.example", "RID:1.2.3", "DNS:xn--bcher-kva.example",
	    "DNS:a_b.example",
	    "DNS:"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "example",
	    "DNS:"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
	    "example",
	    "DNS:a.example,DNS:a.example", "DNS:1,DNS:2,DNS:3,DNS:4"};

	(void)state;
	snprintf(config.name_rules, sizeof(config.name_rules), "any");
	taken = refused = 0;
	for (size_t i = 0; i < NUM(rows); i++) {
		for (int critical = 0; critical < 2; critical++) {
			X509_NAME *name = X509_NAME_new();
			STACK_OF(X509_EXTENSION) *list =
			    sk_X509_EXTENSION_new_null();
			char value[512];
			X509_EXTENSION *e;
			X509_REQ *req;

			snprintf(value, sizeof(value), "%s%s",
			    critical ? "critical," : "", rows[i]);
			e = X509V3_EXT_conf_nid(
			    NULL, NULL, NID_subject_alt_name, value);
			add(name, NID_organizationName, MBSTRING_UTF8, "Base",
			    -1, 0);
			req = request_of(name);
			if (e != NULL) {
				sk_X509_EXTENSION_push(list, e);
				X509_REQ_add_extensions(req, list);
			}
			comes(rows[i], req, keys[0]);
			sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
		}
	}
	assert_true(taken >= 6);
	assert_true(refused >= 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(odd_names_of_any_kind),
	    cmocka_unit_test(odd_names_by_corda_s_rules),
	    cmocka_unit_test(odd_forms),
	    cmocka_unit_test(odd_alternative_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
