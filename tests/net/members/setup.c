/*
 * An identity from nothing to the door, over REST: keys, signing requests,
 * certificates, registration, network setup; and every answer that is not
 * the good one.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tests/lib/enrol.h"
#include "tests/lib/scene.h"

#define H "0123456789AB"

static struct pki_ca root, other;

static int
setup(void **state)
{
	pki_ca_init(&root, "root");
	pki_ca_init(&other, "other");
	town_start(&town, "net", NULL);
	gateway_run(&gw, "gateway", &town);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&gw);
	town_stop(&town);
	pki_ca_cleanup(&root);
	pki_ca_cleanup(&other);
	return 0;
}

/* One request, its status and a part of its answer; NULL: any. */
struct row {
	const char *method, *path, *body;
	long status;
	const char *text;
};

static void
run_rows(const struct row *rows, size_t num)
{
	for (size_t i = 0; i < num; i++) {
		const struct row *r = &rows[i];
		struct web w;

		rest(&gw, &w, r->method, r->path, r->body);
		if (w.status != r->status ||
		    (r->text != NULL && strstr(w.body, r->text) == NULL))
			fail_msg("%s %s: %ld %s, expected %ld %s", r->method,
			    r->path, w.status, w.body, r->status,
			    r->text != NULL ? r->text : "");
		/* Every error has the same shape. */
		if (w.status >= 400) {
			assert_non_null(json_text(w.json, "title"));
			assert_int_equal(
			    json_number(w.json, "status"), w.status);
			assert_true(cJSON_IsObject(json_at(w.json, "details")));
		}
		web_free(&w);
	}
}
#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* Keys. */

static void
key_id_is_of_the_public_key(void **state)
{
	static const char *const schemes[] = {ENROL_P256,
	    "CORDA.ECDSA.SECP384R1", "CORDA.RSA", "CORDA.EDDSA.ED25519"};

	for (size_t i = 0; i < 4; i++) {
		char *id = enrol_key(&gw, H, schemes[i], "TLS", schemes[i]);
		char *path = xasprintf("/key/%s/%s", H, id);
		unsigned char md[32], *der = NULL;
		char want[13];
		struct web w;
		EVP_PKEY *key;
		BIO *bio;
		int len;

		rest(&gw, &w, "GET", path, NULL);
		assert_int_equal(w.status, 200);
		bio = BIO_new_mem_buf(w.body, -1);
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		assert_non_null(key);
		len = i2d_PUBKEY(key, &der);
		EVP_Digest(der, (size_t)len, md, NULL, EVP_sha256(), NULL);
		for (int k = 0; k < 6; k++)
			snprintf(want + 2 * k, 3, "%02X", md[k]);
		assert_string_equal(id, want);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
		BIO_free(bio);
		web_free(&w);
		rest(&gw, &w, "GET", "/keys/0123456789ab", NULL);
		assert_string_equal(
		    cJSON_GetStringValue(cJSON_GetObjectItem(
			cJSON_GetObjectItem(w.json, id), "scheme")),
		    schemes[i]);
		web_free(&w);
		free(path);
		free(id);
	}
}

static void
bad_keys_are_refused(void **state)
{
#define KEY(tenant, category, scheme) \
	"/keys/" tenant "/alias/x/category/" category "/scheme/" scheme
	static const struct row rows[] = {
	    {"POST", KEY("12", "TLS", ENROL_P256), "", 400, "tenant"},
	    {"POST", KEY("0123456789AG", "TLS", ENROL_P256), "", 400, "tenant"},
	    {"POST", KEY(H, "NONE", ENROL_P256), "", 400, "category 'NONE'"},
	    {"POST", KEY(H, "TLS", "CORDA.SM2"), "", 400, "scheme 'CORDA.SM2'"},
	    {"POST", KEY(H, "TLS", ENROL_P256), "", 200, "\"id\":\""},
	    {"POST", KEY(H, "TLS", ENROL_P256), "", 409, "already"},
	    {"POST", KEY("p2p", "TLS", ENROL_P256), "", 200, "\"id\":\""},
	    {"POST", "/key/p2p/alias/y%0A/category/TLS/scheme/" ENROL_P256, "",
		400, "alias"},
	    {"GET", "/keys/zz", NULL, 400, "tenant"},
	    {"GET", "/keys/" H "/123", NULL, 400, "12 hexadecimal digits"},
	    {"GET", "/keys/" H "/000000000000", NULL, 404, "Key not found."},
	};

	RUN(rows);
}

static void
keys_are_encrypted_and_survive(void **state)
{
	struct web before, after;
	char *text, *secret;
	size_t len;

	rest(&gw, &before, "GET", "/keys/" H, NULL);
	gateway_stop(&gw);
	text = file_read("gateway.state/state.db", &len);
	assert_non_null(memmem(text, len, "BEGIN ENCRYPTED PRIVATE KEY", 27));
	assert_null(memmem(text, len, "BEGIN PRIVATE KEY", 17));
	free(text);
	/* With another secret they are of no use. */
	secret = file_read("gateway.state/keys.secret", &len);
	file_write("gateway.state/keys.secret", "0123456789abcdef0123", 20);
	assert_int_not_equal(gateway_refuses(&gw, &text), 0);
	assert_non_null(strstr(text, "cannot be decrypted"));
	free(text);
	file_write("gateway.state/keys.secret", secret, len);
	free(secret);
	gateway_start(&gw);
	rest(&gw, &after, "GET", "/keys/" H, NULL);
	assert_string_equal(before.body, after.body);
	web_free(&before);
	web_free(&after);
}

/* Signing requests. */

static void
request_has_the_extensions(void **state)
{
	char *id = enrol_key(&gw, H, "csr", "TLS", ENROL_P256);
	X509_REQ *req = enrol_csr(&gw, H, id,
	    "{\"x500Name\":\"O=Alice, L=London, C=GB\","
	    "\"subjectAlternativeNames\":[\"alice.example\",\"127.0.0.1\"]}");
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	ASN1_BIT_STRING *usage;
	GENERAL_NAMES *names;
	int critical;
	char text[100];

	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	X509_NAME_oneline(X509_REQ_get_subject_name(req), text, sizeof(text));
	assert_string_equal(text, "/C=GB/L=London/O=Alice");
	assert_int_equal(
	    X509_REQ_get_signature_nid(req), NID_ecdsa_with_SHA256);
	usage = X509V3_get_d2i(exts, NID_key_usage, &critical, NULL);
	assert_int_equal(critical, 1);
	assert_int_equal(ASN1_STRING_length(usage), 1);
	assert_int_equal(ASN1_STRING_get0_data(usage)[0], 0x80);
	names = X509V3_get_d2i(exts, NID_subject_alt_name, &critical, NULL);
	assert_int_equal(critical, 1);
	assert_int_equal(sk_GENERAL_NAME_num(names), 2);
	assert_int_equal(sk_GENERAL_NAME_value(names, 0)->type, GEN_DNS);
	assert_int_equal(sk_GENERAL_NAME_value(names, 1)->type, GEN_IPADD);
	GENERAL_NAMES_free(names);
	ASN1_BIT_STRING_free(usage);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
	free(id);
}

static void
signature_is_the_keys_default_or_as_asked(void **state)
{
	static const struct {
		const char *alias, *scheme, *spec;
		int nid;
	} rows[] = {
	    {"d0", "CORDA.ECDSA.SECP384R1", NULL, NID_ecdsa_with_SHA256},
	    {"d1", "CORDA.RSA", NULL, NID_sha512WithRSAEncryption},
	    {"d2", "CORDA.EDDSA.ED25519", NULL, NID_ED25519},
	    {"d3", ENROL_P256, "SHA512withECDSA", NID_ecdsa_with_SHA512},
	    {"d4", "CORDA.RSA", "SHA256withRSA", NID_sha256WithRSAEncryption},
	};

	for (size_t i = 0; i < 5; i++) {
		char *id =
		    enrol_key(&gw, H, rows[i].alias, "TLS", rows[i].scheme);
		char *body = rows[i].spec == NULL
		    ? xstrdup("{\"x500Name\":\"O=A,L=B,C=GB\"}")
		    : xasprintf("{\"x500Name\":\"O=A,L=B,C=GB\","
				"\"contextMap\":{\"signatureSpec\":\"%s\"}}",
			  rows[i].spec);
		X509_REQ *req = enrol_csr(&gw, H, id, body);

		assert_int_equal(X509_REQ_get_signature_nid(req), rows[i].nid);
		X509_REQ_free(req);
		free(body);
		free(id);
	}
}

static void
bad_requests_are_refused(void **state)
{
	char *tls = enrol_key(&gw, H, "bad-tls", "TLS", ENROL_P256);
	char *ses = enrol_key(&gw, H, "bad-ses", "SESSION_INIT", ENROL_P256);
	char *t = xasprintf("/certificate/%s/%s", H, tls);
	char *s = xasprintf("/certificates/0123456789ab/%s", ses);
#define NAME "\"x500Name\":\"O=Alice, L=London, C=GB\""
	const struct row rows[] = {
	    {"POST", t, "nonsense", 400, "Invalid input data."},
	    {"POST", t, "[]", 400, "not a JSON object"},
	    {"POST", t, "{}", 400, "x500Name"},
	    {"POST", t, "{\"x500Name\":\"Alice\"}", 400,
		"not a distinguished name"},
	    {"POST", t, "{" NAME ",\"subjectAlternativeNames\":[\"a b\"]}", 400,
		"neither an address nor a host name"},
	    {"POST", t, "{" NAME ",\"subjectAlternativeNames\":\"a\"}", 400,
		"expected an array"},
	    {"POST", t, "{" NAME ",\"subjectAlternativeNames\":[1]}", 400,
		"expected a string"},
	    {"POST", t, "{" NAME ",\"contextMap\":{\"signatureSpec\":\"MD5\"}}",
		400, "signatureSpec 'MD5'"},
	    {"POST", t,
		"{" NAME ",\"contextMap\":{\"signatureSpec\":"
		"\"SHA256withRSA\"}}",
		400, "does not go with this key"},
	    {"POST", t, "{\"request\":{" NAME "}}", 200, "BEGIN CERTIFICATE "},
	    {"POST", "/certificates/12/000000000000", "{" NAME "}", 400,
		"tenant"},
	    {"POST", "/certificates/" H "/12", "{" NAME "}", 400, "keyId"},
	    {"POST", "/certificates/" H "/000000000000", "{" NAME "}", 404,
		"Key not found."},
	    /* The first name of a session key is the member's. */
	    {"POST", s, "{" NAME "}", 200, "BEGIN CERTIFICATE "},
	    {"POST", s, "{\"x500Name\":\"C=GB, L=London, O=Alice\"}", 200,
		NULL},
	    {"POST", s, "{\"x500Name\":\"O=Bob, L=London, C=GB\"}", 400,
		"not the name of the holding identity"},
	    /* A TLS key may have any. */
	    {"POST", t, "{\"x500Name\":\"CN=door.example\"}", 200, NULL},
	};

	RUN(rows);
	free(t);
	free(s);
	free(tls);
	free(ses);
}

/* Certificates. */

#define C  "AAAAAAAAAAA1"
#define CN "O=Carol, L=London, C=GB"

static void
chains_are_stored_and_read(void **state)
{
	char *leaf = enrol_identity(
	    &gw, &root, C, "tls", "TLS", "CN=carol", "\"carol.example\"", NULL);
	char *top = enrol_pem(root.cert);
	char *both = xasprintf("%s%s", leaf, top);
	struct row rows[] = {
	    {"GET", "/certificates/vnode/" C "/p2p-tls", NULL, 200,
		"[\"one\",\"two\",\"three\"]"},
	    {"GET", "/certificate/vnode/" C "/p2p-tls/one", NULL, 200, leaf},
	    {"GET", "/certificates/vnode/" C "/P2P-TLS/two", NULL, 200, both},
	    {"GET", "/certificates/vnode/" C "/p2p-tls/three", NULL, 200, both},
	    {"GET", "/certificates/cluster/p2p-tls/one", NULL, 200, leaf},
	    {"GET", "/certificates/cluster/p2p-tls", NULL, 200, "[\"one\"]"},
	    {"GET", "/certificates/cluster/code-signer", NULL, 200, "[]"},
	    {"GET", "/certificates/cluster/p2p-tls/two", NULL, 404,
		"Certificate chain not found."},
	    {"GET", "/certificates/vnode/" C "/p2p-tls/four", NULL, 404,
		"Certificate chain not found."},
	    {"GET", "/certificates/vnode/AAAAAAAAAAA2/p2p-tls", NULL, 404,
		"Holding identity not found."},
	    {"GET", "/certificates/vnode/xyz/p2p-tls", NULL, 400,
		"12 hexadecimal digits"},
	    {"GET", "/certificates/cluster/p2p", NULL, 400,
		"the usage is not known"},
	};

	/* The root may be left out. */
	enrol_upload_ok(
	    &gw, "/certificate/vnode/" C "/p2p-tls", "one", leaf, NULL);
	/* One file or several. */
	enrol_upload_ok(
	    &gw, "/certificates/vnode/aaaaaaaaaaa1/p2p-tls", "two", both, NULL);
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" C "/p2p-tls", "three", leaf, top);
	enrol_upload_ok(
	    &gw, "/certificates/cluster/p2p-tls", "one", leaf, NULL);
	RUN(rows);
	gateway_stop(&gw);
	gateway_start(&gw);
	RUN(rows);
	/* Again under the same alias: the new one is there. */
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" C "/p2p-tls", "one", both, NULL);
	rows[1].text = both;
	RUN(rows);
	free(leaf);
	free(top);
	free(both);
}

static void
bad_uploads_are_refused(void **state)
{
	char *leaf = enrol_identity(&gw, &root, C, "bad-tls", "TLS", "CN=carol",
	    "\"carol.example\"", NULL);
	char *ses = enrol_identity(
	    &gw, &root, C, "bad-ses", "SESSION_INIT", CN, "", NULL);
	char *top = enrol_pem(root.cert), *alien = enrol_pem(other.cert);
	char *joined = xasprintf("%.*s%s", (int)strlen(leaf) - 1, leaf, top);
	char *thrice = xasprintf("%s%s", top, top);
	char *broken = xstrdup(leaf);
#define TLS_PATH "/certificates/vnode/" C "/p2p-tls"
#define SES_PATH "/certificates/vnode/" C "/p2p-session"
	const struct {
		const char *path, *alias, *one, *two;
		long status;
		const char *text;
	} rows[] = {
	    {TLS_PATH, NULL, leaf, NULL, 400, "Empty alias"},
	    {TLS_PATH, "", leaf, NULL, 400, "Empty alias"},
	    {TLS_PATH, "a", NULL, NULL, 400, "No certificate"},
	    {TLS_PATH, "a", "", NULL, 400, "is not a certificate"},
	    {TLS_PATH, "a", "hello", NULL, 400, "is not a certificate"},
	    {TLS_PATH, "a", leaf, "hello", 400, "is not a certificate"},
	    {TLS_PATH, "a", broken, NULL, 400, "is not a certificate"},
	    {"/certificates/vnode/" C "/p2p", "a", leaf, NULL, 400,
		"the usage is not known"},
	    {TLS_PATH, "a", thrice, NULL, 400, "loop"},
	    {TLS_PATH, "a", leaf, alien, 400,
		"This previous certificate in the chain was issued by CN=root "
		"and not by CN=other"},
	    {TLS_PATH, "a", top, leaf, 400,
		"was issued by CN=root and not by CN=carol"},
	    {TLS_PATH, "a", joined, NULL, 400,
		"the END line of a certificate and the BEGIN line of the next "
		"run together"},
	    {"/certificates/cluster/p2p-session", "a", ses, NULL, 400,
		"Cannot upload a session certificate to the cluster"},
	    {SES_PATH, "a", leaf, NULL, 400, "must be the member's name"},
	    {"/certificates/vnode/xyz/p2p-tls", "a", leaf, NULL, 400,
		"12 hexadecimal digits"},
	    {"/certificates/vnode/AAAAAAAAAAA2/p2p-tls", "a", leaf, NULL, 404,
		"Holding identity not found."},
	    {SES_PATH, "s", ses, top, 204, ""},
	};
	struct web w;

	/* The second line of the base64. */
	broken[100] = '!';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enrol_upload(&gw, &w, rows[i].path, rows[i].alias, rows[i].one,
		    rows[i].two);
		if (w.status != rows[i].status ||
		    strstr(w.body, rows[i].text) == NULL)
			fail_msg("row %zu: %ld %s", i, w.status, w.body);
		if (w.status == 400)
			assert_string_equal(
			    json_text(w.json, "title"), "Invalid input data.");
		web_free(&w);
	}
	rest(&gw, &w, "PUT", TLS_PATH, "alias=a");
	assert_int_equal(w.status, 400);
	assert_non_null(strstr(w.body, "multipart/form-data"));
	web_free(&w);
	free(leaf);
	free(ses);
	free(top);
	free(alien);
	free(joined);
	free(thrice);
	free(broken);
}

/* Registration and setup. */

#define D  "DDDDDDDDDDD1"
#define DN "O=Dave, L=London, C=GB"

/* The PEM of a certificate as it stands in JSON. */
static char *
json_pem(const struct pki_ca *ca)
{
	char *pem = enrol_pem(ca->cert), *out;
	cJSON *s = cJSON_CreateString(pem);

	out = cJSON_PrintUnformatted(s);
	cJSON_Delete(s);
	free(pem);
	return out;
}

static void
context_rules(void **state)
{
	char *id = enrol_key(&gw, D, "first", "TLS", ENROL_P256),
	     *r = json_pem(&root);
#define T "\"corda.group.trustroot.tls.0\":%s"
#define S "\"corda.group.truststore.session.0\":%s"
	const struct {
		const char *format;
		long status;
		const char *text;
	} rows[] = {
	    {"{\"context\":1}", 400, "context: expected an object"},
	    {"{}", 400, "context: expected an object"},
	    {"{\"context\":{}}", 400, "no session trust root"},
	    {"{\"context\":{" T "}}", 400, "no session trust root"},
	    {"{\"context\":{" S "}}", 400, "no tls trust root"},
	    {"{\"context\":{\"corda.group.trustroot.session.1\":%s," T "}}",
		400, "session trust root 0 is missing"},
	    {"{\"context\":{" S ",\"corda.group.trustroot.tls.0\":\"x\"}}", 400,
		"tls trust root 0"},
	    {"{\"context\":{\"corda.group.pki.session\":\"StandardEV3\"}}", 400,
		"'StandardEV3' is not supported"},
	    {"{\"context\":{\"corda.group.pki.session\":\"Corda4\"}}", 400,
		"'Corda4' is not supported"},
	    {"{\"memberRegistrationRequest\":{\"action\":\"leave\","
	     "\"context\":{" T "," S "}}}",
		400, "requestJoin"},
	    {"{\"context\":{\"corda.group.pki.session\":\"NoPKI\"," T "}}", 200,
		"registrationStatus"},
	    {"{\"memberRegistrationRequest\":{\"action\":\"requestJoin\","
	     "\"context\":{" T "," S "}}}",
		200, "registrationStatus"},
	    {"{\"context\":{\"corda.group.truststore.tls.0\":%s,"
	     "\"corda.group.trustroot.session.0\":%s}}",
		200, "registrationStatus"},
	};
	static const struct row ids[] = {
	    {"POST", "/membership/xyz", "{}", 400, "12 hexadecimal digits"},
	    {"POST", "/membership/DDDDDDDDDDD2", "{}", 404,
		"Holding identity not found."},
	    {"PUT", "/network/setup/xyz", "{}", 400, "12 hexadecimal digits"},
	    {"PUT", "/network/setup/DDDDDDDDDDD2", "{}", 404,
		"Holding identity not found."},
	};
	struct web w;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Each %s becomes the root. */
		char *body, *at, *cut = xstrdup(rows[i].format);

		body = xstrdup("");
		for (char *p = cut; p != NULL; p = at) {
			char *more;

			at = strstr(p, "%s");
			if (at != NULL) {
				*at = '\0';
				at += 2;
			}
			more =
			    xasprintf("%s%s%s", body, p, at != NULL ? r : "");
			free(body);
			body = more;
		}
		rest(&gw, &w, "POST", "/membership/" D, body);
		if (w.status != rows[i].status ||
		    strstr(w.body, rows[i].text) == NULL)
			fail_msg("row %zu: %ld %s", i, w.status, w.body);
		web_free(&w);
		free(body);
		free(cut);
	}
	RUN(ids);
	free(r);
	free(id);
}

/* The leaf that answers to a name, as PEM; free() it. */
static char *
leaf_at(const char *name)
{
	struct tls_options o = {.name = name};
	char *cert = town_path(&town, "peers/good.pem");
	char *key = town_path(&town, "peers/good.key"), *pem;
	struct tls t;

	o.cert = cert;
	o.key = key;
	(void)tls_connect(&t, gw.port, &o);
	pem = enrol_pem(SSL_get0_peer_certificate(t.ssl));
	tls_free(&t);
	free(cert);
	free(key);
	return pem;
}

static void
setup_reaches_the_door(void **state)
{
	char *sid, *sid2, *tid, *alien_key, *path;
	char *tls = enrol_identity(&gw, &root, D, "tls", "TLS", "CN=dave",
	    "\"dave.example\",\"10.1.2.3\"", &tid);
	char *ses =
	    enrol_identity(&gw, &root, D, "ses", "SESSION_INIT", DN, "", &sid);
	char *more = enrol_identity(
	    &gw, &root, D, "spare", "SESSION_INIT", DN, "", &sid2);
	char *alien = enrol_identity(&gw, &other, D, "alien", "TLS", "CN=alien",
	    "\"a.example\"", &alien_key);
	char *before = leaf_at("dave.example"), *after;
	char *ok = xasprintf(
	    "{\"p2pTlsCertificateChainAlias\":\"tls\",\"sessionKeyId\":\"%s\","
	    "\"sessionCertificateChainAlias\":\"ses\","
	    "\"useClusterLevelTlsCertificateAndKey\":false,"
	    "\"useClusterLevelSessionCertificateAndKey\":false}",
	    sid);
#define GA(alias, key, sessions)                                    \
	xasprintf("{\"p2pTlsCertificateChainAlias\":\"" alias "\"," \
		  "\"sessionKeysAndCertificates\":[" sessions "]}", \
	    key)
#define ONE(alias, yes)                                                   \
	"{\"sessionKeyId\":\"%1$.12s\",\"sessionCertificateChainAlias\":" \
	"\"" alias "\",\"preferred\":" yes "}"
	char *bodies[] = {
	    GA("none", sid, ONE("ses", "true")),
	    GA("tls", sid, ONE("ses", "false")),
	    GA("tls", sid, ONE("ses", "true") "," ONE("ses", "true")),
	    GA("tls", sid, ONE("none", "true")),
	    GA("tls", "000000000000", ONE("ses", "true")),
	    GA("tls", "12", ONE("ses", "true")),
	    GA("tls", tid, ONE("ses", "true")),
	    GA("alien", sid, ONE("ses", "true")),
	    xasprintf("{\"p2pTlsCertificateChainAlias\":\"tls\","
		      "\"sessionKeyId\":\"%s\"}",
		sid),
	    GA("tls", sid, ONE("ses", "true") "," ONE("ses", "false")),
	    xasprintf("{\"p2pTlsCertificateChainAlias\":\"tls\","
		      "\"useClusterLevelTlsCertificateAndKey\":true,"
		      "\"sessionKeyId\":\"%s\"}",
		sid),
	    GA("tls", sid2, ONE("ses", "true")),
	};
	path = xstrdup("/network/setup/" D);
	const struct row rows[] = {
	    {"PUT", path, "{}", 400, "p2pTlsCertificateChainAlias"},
	    {"PUT", path, bodies[0], 404, "chain with alias 'none'"},
	    {"PUT", path, bodies[1], 400, "no preferred session key"},
	    {"PUT", path, bodies[2], 400, "2 preferred session keys"},
	    {"PUT", path, bodies[3], 404, "chain with alias 'none'"},
	    {"PUT", path, bodies[4], 404, "no key '000000000000'"},
	    {"PUT", path, bodies[5], 400, "12 hexadecimal digits"},
	    {"PUT", path, bodies[6], 400, "expected SESSION_INIT"},
	    {"PUT", path, bodies[7], 400, "not signed by the group's"},
	    {"PUT", path, bodies[8], 400, "session PKI asks for"},
	    {"PUT", path, bodies[10], 404, "chain with alias 'tls'"},
	    {"PUT", path, bodies[11], 400, "'ses' is not for key"},
	    {"PUT", path, bodies[9], 204, NULL},
	    {"PUT", path, ok, 204, NULL},
	};

	enrol_upload_ok(
	    &gw, "/certificates/vnode/" D "/p2p-tls", "tls", tls, NULL);
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" D "/p2p-tls", "alien", alien, NULL);
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" D "/p2p-session", "ses", ses, NULL);
	assert_string_not_equal(before, tls);
	RUN(rows);
	for (int round = 0; round < 2; round++) {
		static const char *const names[] = {
		    "dave.example", "10.1.2.3.cluster.corda.net"};

		for (size_t i = 0; i < 2; i++) {
			after = leaf_at(names[i]);
			assert_string_equal(after, tls);
			free(after);
		}
		after = leaf_at("elsewhere.example");
		assert_string_equal(after, before);
		free(after);
		if (round == 0) {
			gateway_stop(&gw);
			gateway_start(&gw);
		}
	}
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		free(bodies[i]);
	free(path);
	free(before);
	free(ok);
	free(tls);
	free(ses);
	free(alien);
	free(tid);
	free(sid);
	free(sid2);
	free(more);
	free(alien_key);
}

/* A peer that the new group's roots vouch for is let in. */
static void
peers_of_the_group_get_in(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_NAME_new();
	struct tls_options o = {.cert = "peer.pem", .key = "peer.key"};
	char *pem;
	struct tls t;
	FILE *f;

	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)"peer", -1, -1, 0);
	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, key);
	f = fopen("peer.key", "w");
	assert_non_null(f);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	pem = enrol_issue(&root, req, 300);
	file_write("peer.pem", pem, strlen(pem));
	free(pem);
	(void)tls_connect(&t, gw.port, &o);
	assert_true(tls_echo(&t));
	tls_free(&t);
	pem = enrol_issue(&other, req, 300);
	file_write("peer.pem", pem, strlen(pem));
	free(pem);
	(void)tls_connect(&t, gw.port, &o);
	assert_false(tls_echo(&t));
	assert_int_equal(t.alert, ALERT_UNKNOWN_CA);
	tls_free(&t);
	X509_REQ_free(req);
	X509_NAME_free(name);
	EVP_PKEY_free(key);
}

/* A setup whose own certificate is revoked is refused. */
static void
own_revoked_chain_is_refused(void **state)
{
	char *sid;
	char *tls = enrol_identity(
	    &gw, &root, D, "gone", "TLS", "CN=gone", "\"gone.example\"", NULL);
	char *ses =
	    enrol_identity(&gw, &root, D, "ses2", "SESSION_INIT", DN, "", &sid);
	cJSON *o = cJSON_CreateObject();
	char *body, *leaf;
	struct web w;

	enrol_upload_ok(
	    &gw, "/certificates/vnode/" D "/p2p-tls", "gone", tls, NULL);
	enrol_upload_ok(
	    &gw, "/certificates/vnode/" D "/p2p-session", "ses2", ses, NULL);
	cJSON_AddStringToObject(o, "certificate", tls);
	body = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	rest(&gw, &w, "POST", "/denylist", body);
	assert_int_equal(w.status, 201);
	web_free(&w);
	free(body);
	body = GA("gone", sid, ONE("ses2", "true"));
	rest(&gw, &w, "PUT", "/network/setup/" D, body);
	if (w.status != 400)
		fail_msg("%ld %s", w.status, w.body);
	assert_non_null(strstr(w.body, "TLS certificate is refused"));
	web_free(&w);
	leaf = leaf_at("gone.example");
	assert_string_not_equal(leaf, tls);
	free(leaf);
	free(body);
	free(tls);
	free(ses);
	free(sid);
}

/* Without roots of its own a check goes by those of the registrations. */
static void
session_check_knows_the_groups_roots(void **state)
{
	char *ses =
	    enrol_identity(&gw, &root, D, "ses3", "SESSION_INIT", DN, "", NULL);
	cJSON *o = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(o, "certificates");
	char *body;
	struct web w;

	cJSON_AddItemToArray(list, cJSON_CreateString(ses));
	cJSON_AddStringToObject(o, "mode", "SOFT_FAIL");
	body = cJSON_PrintUnformatted(o);
	rest(&gw, &w, "POST", "/revocation/check", body);
	if (w.status != 200 || json_at(w.json, "status.Active") == NULL)
		fail_msg("%ld %s", w.status, w.body);
	web_free(&w);
	free(body);
	free(ses);
	cJSON_Delete(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(key_id_is_of_the_public_key),
	    cmocka_unit_test(bad_keys_are_refused),
	    cmocka_unit_test(keys_are_encrypted_and_survive),
	    cmocka_unit_test(request_has_the_extensions),
	    cmocka_unit_test(signature_is_the_keys_default_or_as_asked),
	    cmocka_unit_test(bad_requests_are_refused),
	    cmocka_unit_test(chains_are_stored_and_read),
	    cmocka_unit_test(bad_uploads_are_refused),
	    cmocka_unit_test(context_rules),
	    cmocka_unit_test(setup_reaches_the_door),
	    cmocka_unit_test(peers_of_the_group_get_in),
	    cmocka_unit_test(own_revoked_chain_is_refused),
	    cmocka_unit_test(session_check_knows_the_groups_roots),
	};

	return cmocka_run_group_tests_name(
	    "network setup", tests, setup, teardown);
}
