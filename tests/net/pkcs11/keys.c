/*
 * Private keys in a token (SoftHSM): made over REST, found again after a
 * restart, named in the bootstrap file; what they sign is what real clients
 * and servers verify. (68-pkcs11-moods: a token that is slow, gone or shut.)
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/hsm.h"

/* The keys of gw are made over REST, those of this one named in its file. */
static struct gateway near;

/* One member for each kind of key. */
static const struct member {
	const char *id, *scheme, *host;
} members[] = {
    {"000000000001", "CORDA.ECDSA.SECP256R1", "p256.example"},
    {"000000000002", "CORDA.ECDSA.SECP384R1", "p384.example"},
    {"000000000003", "CORDA.RSA", "rsa.example"},
    {"000000000004", "CORDA.EDDSA.ED25519", "ed25519.example"},
};
/*
 * SoftHSM leaks when it signs with Ed25519, and a gateway that unwinds deep
 * enough to tell would take minutes: test_token does that part.
 */
#ifdef __SANITIZE_ADDRESS__
#define NUM_MEMBERS (sizeof(members) / sizeof(members[0]) - 1)
#else
#define NUM_MEMBERS (sizeof(members) / sizeof(members[0]))
#endif

static int
teardown(void **state)
{
	gateway_free(&near);
	return hsm_teardown(state);
}

static void
everybody_is_served(struct gateway *g)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < NUM_MEMBERS; i++)
		for (size_t v = 0; v < 2; v++)
			if (!hsm_visit(g, members[i].host, versions[v]))
				fail_msg("%s, version %x", members[i].host,
				    (unsigned)versions[v]);
}

/* Keys over REST. */

static void
keys_are_made_in_the_token(void **state)
{
	for (size_t i = 0; i < NUM_MEMBERS; i++) {
		const struct member *m = &members[i];
		char *id = enrol_key(&gw, m->id, "tls-key", "TLS", m->scheme);
		char *path = xasprintf("/keys/%s", m->id);
		char *label = xasprintf("%s/tls-key", m->id);
		char *where = xasprintf("%s.hsmId", id);
		struct softtoken_key key;
		struct web w;

		softtoken_look(&key, HSM_TOKEN, label);
		assert_int_equal(key.num, 1);
		assert_true(key.sensitive);
		assert_false(key.extractable);
		assert_true(key.never_extractable);
		assert_false(key.gives_value);
		rest(&gw, &w, "GET", path, NULL);
		assert_string_equal(json_text(w.json, where), HSM_TOKEN);
		web_free(&w);
		free(where);
		free(label);
		free(path);
		free(id);
	}
}

static void
the_state_has_no_private_key(void **state)
{
	static const char *const files[] = {
	    "gateway.state/state.db", "gateway.state/state.db-wal"};
	bool place = false, public = false;

	for (size_t i = 0; i < 2; i++) {
		size_t len;
		char *data = file_need(files[i], &len);

		place |= memmem(data, len, "\"pkcs11\":{\"id\":", 15) != NULL;
		public |= memmem(data, len, "BEGIN PUBLIC KEY", 16) != NULL;
		assert_null(memmem(data, len, "PRIVATE KEY", 11));
		free(data);
	}
	assert_true(place && public);
}

static char *
key_of(const struct member *m)
{
	char *path = xasprintf("/keys/%s", m->id), *id;
	struct web w;

	rest(&gw, &w, "GET", path, NULL);
	id = xstrdup(w.json->child->string);
	web_free(&w);
	free(path);
	return id;
}

static void
put_ok(const char *method, const char *path, const char *body, long status)
{
	struct web w;

	rest(&gw, &w, method, path, body);
	if (w.status != status)
		fail_msg("%s %s: %ld %s", method, path, w.status, w.body);
	web_free(&w);
}

/* From the key to the door, as operators do it. */
static void
member_set_up(const struct member *m)
{
	char *key = key_of(m), *session, *path, *body, *leaf, *roots;
	char *trust = town_path(&town, "trust.pem");
	X509_REQ *req;
	cJSON *s, *o;
	size_t len;

	body = xasprintf("{\"x500Name\":\"O=%s, L=London, C=GB\","
			 "\"subjectAlternativeNames\":[\"%s\"]}",
	    m->id, m->host);
	req = enrol_csr(&gw, m->id, key, body);
	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	leaf = enrol_issue(&doorman, req, 300);
	path = xasprintf("/certificates/vnode/%s/p2p-tls", m->id);
	enrol_upload_ok(&gw, path, "tls", leaf, doorman_pem);
	free(path);
	free(body);
	roots = file_need(trust, &len);
	o = cJSON_CreateObject();
	s = cJSON_AddObjectToObject(o, "context");
	cJSON_AddStringToObject(s, "corda.group.trustroot.tls.0", roots);
	cJSON_AddStringToObject(s, "corda.group.pki.session", "NoPKI");
	body = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	path = xasprintf("/membership/%s", m->id);
	put_ok("POST", path, body, 200);
	free(path);
	free(body);
	session = enrol_key(&gw, m->id, "session", "SESSION_INIT", ENROL_P256);
	body = xasprintf("{\"p2pTlsCertificateChainAlias\":\"tls\","
			 "\"sessionKeyId\":\"%s\"}",
	    session);
	path = xasprintf("/network/setup/%s", m->id);
	put_ok("PUT", path, body, 204);
	free(session);
	free(path);
	free(body);
	X509_REQ_free(req);
	free(roots);
	free(trust);
	free(leaf);
	free(key);
}

static void
they_serve_tls(void **state)
{
	double before = hsm_metric(&gw, "p2p_gateway_token_signatures_total");
	/* One a request, two handshakes. */
	size_t made = 3 * NUM_MEMBERS;

	assert_true(before >= 0);
	for (size_t i = 0; i < NUM_MEMBERS; i++)
		member_set_up(&members[i]);
	everybody_is_served(&gw);
	assert_true(hsm_metric(&gw, "p2p_gateway_token_signatures_total") >=
	    before + (double)made);
	assert_true(hsm_metric(&gw, "p2p_gateway_token_up") == 1);
}

/* A client that is not ours, and that knows nothing of PSS. */
static void
openssl_takes_the_older_padding_too(void **state)
{
	struct tls_options o;
	char *command, *out;

	hsm_peer(&o, "rsa.example", 0);
	command = xasprintf(
	    "openssl s_client -connect 127.0.0.1:%d -servername %s "
	    "-verify_hostname %s -CAfile %s -verify_return_error -cert %s "
	    "-cert_chain %s -key %s -tls1_2 "
	    "-sigalgs RSA+SHA256:ECDSA+SHA256 -brief </dev/null",
	    gw.port, o.name, o.name, o.ca, o.cert, o.cert, o.key);
	const char *argv[] = {"/bin/sh", "-c", command, NULL};

	if (proc_run(argv, "s_client.log", WAIT_MS, &out) != 0 ||
	    strstr(out, "Signature type: RSA\n") == NULL ||
	    strstr(out, "Verification: OK") == NULL)
		fail_msg("%s", out);
	free(out);
	free(command);
	hsm_peer_free(&o);
}

static void
a_restart_finds_them(void **state)
{
	gateway_stop(&gw);
	gateway_start(&gw);
	everybody_is_served(&gw);
}

/* Keys named in the file. */

/* Both roles: it is dialled, and it dials the other one as a client. */
static void
near_works(const char *max_version)
{
	char *version = xasprintf("\"%s\"", max_version);
	char *line, *value, buf[8];
	size_t have = 0;
	ssize_t n;
	int fd;

	gateway_set(&near, "tls.max_version", version);
	(void)remove("near.log"); /* with the ready line of before */
	gateway_start(&near);
	assert_true(hsm_visit(&near, "near.example", 0));
	near.proc.mark = 0;
	line = proc_await(&near.proc, "ready listen=", WAIT_MS);
	value = line_value(line, "link-far");
	fd = tcp_dial(atoi(strrchr(value, ':') + 1));
	assert_int_equal(send(fd, "through\n", 8, MSG_NOSIGNAL), 8);
	while (have < 8 && (n = read(fd, buf + have, 8 - have)) > 0)
		have += (size_t)n;
	assert_int_equal(have, 8);
	assert_memory_equal(buf, "through\n", 8);
	close(fd);
	free(value);
	free(line);
	free(version);
	gateway_stop(&near);
}

static void
the_file_may_name_them(void **state)
{
	char *links = xasprintf("[{\"name\":\"far\",\"listen\":\"127.0.0.1:0\","
				"\"peers\":[\"127.0.0.1:%d\"],"
				"\"server_name\":\"localhost\"}]",
	    gw.port);

	hsm_certify_near();
	gateway_prepare(&near, "near", &town);
	hsm_use(&near, SOFTTOKEN_MODULE);
	hsm_identity(&near, HSM_URI "object=p2p%2Fnear;type=private");
	gateway_set(&near, "links", links);
	near_works("1.3");
	near_works("1.2");
	free(links);
}

static void
wrong_names_refuse_the_start(void **state)
{
	static const struct {
		const char *place, *value, *text;
	} rows[] = {
	    {"pkcs11.module", "\"/nowhere/module.so\"", "/nowhere/module.so"},
	    {"pkcs11.module", "\"near.pem\"", "cannot load"},
	    {"pkcs11.module", NULL, "module"},
	    {"pkcs11.token", "\"another\"", "has no token 'another'"},
	    {"pkcs11.token", "\"pkcs11:token=a;object=b\"",
		"object and id are of keys"},
	    {"pkcs11.token", "\"pkcs11:serial=0000\"", "has no token"},
	    {"pkcs11.pin_file", "\"no-such-pin\"", "pin_file names a file"},
	    {"pkcs11.categories", "[\"TLS\",\"TEA\"]",
		"categories[1] is (not shown): expected one of"},
	    {"pkcs11.threads", "0", "threads"},
	    {"state_dir", NULL, "$.state_dir is nothing"},
	    {"rest", "{\"certificate\":\"near.pem\",\"key\":\"pkcs11:id=a\"}",
		"$.rest.key is in a token"},
	    {"pkcs11", NULL, "no token is named in $.pkcs11"},
	};
	static const struct {
		const char *uri, *text;
	} uris[] = {
	    {HSM_URI "object=nothing", "no private key of that name"},
	    {HSM_URI "object=000000000001%2Ftls-key",
		"is not the one certified"},
	    {"pkcs11:token=other;object=p2p%2Fnear", "not the token"},
	    {HSM_URI "type=private", "expected an object or an id"},
	    {HSM_URI "colour=red", "'colour' is not an attribute"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cJSON *before = near.config;

		near.config = cJSON_Duplicate(before, 1);
		gateway_set(&near, rows[i].place, rows[i].value);
		gateway_must_refuse(&near, rows[i].text);
		cJSON_Delete(near.config);
		near.config = before;
	}
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		hsm_identity(&near, uris[i].uri);
		gateway_must_refuse(&near, uris[i].text);
	}
	hsm_identity(&near, HSM_URI "object=p2p%2Fnear");
}

/* A key that is lost. */

static void
a_missing_key_is_named(void **state)
{
	gateway_stop(&gw);
	softtoken_delete(HSM_TOKEN, "000000000003/tls-key");
	gateway_must_refuse(&gw, "key '000000000003/tls-key' (id ");
	gateway_must_refuse(&gw, "no private key of that name");
	gateway_set(&gw, "pkcs11", NULL);
	/* The label has a quote, which ends no name. */
	gateway_must_refuse(
	    &gw, "is in the token 'the gateway\\x27s': expected $.pkcs11");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_made_in_the_token),
	    cmocka_unit_test(the_state_has_no_private_key),
	    cmocka_unit_test(they_serve_tls),
	    cmocka_unit_test(openssl_takes_the_older_padding_too),
	    cmocka_unit_test(a_restart_finds_them),
	    cmocka_unit_test(the_file_may_name_them),
	    cmocka_unit_test(wrong_names_refuse_the_start),
	    cmocka_unit_test(a_missing_key_is_named),
	};

	return cmocka_run_group_tests(tests, hsm_setup, teardown);
}
