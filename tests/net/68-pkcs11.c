/*
 * Private keys in a token (SoftHSM): made over REST, found again after a
 * restart, named in the bootstrap file; what they sign is what real clients
 * and servers verify. And a token that is slow, gone or shut: nobody else
 * notices.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <sys/socket.h>

#include "tests/lib/enrol.h"
#include "tests/lib/gateway.h"
#include "tests/lib/peer.h"
#include "tests/lib/softtoken.h"

#define TOKEN "the gateway's"
#define URI   "pkcs11:token=the%20gateway%27s;"

static struct town town;
static struct gateway gw;   /* keys made over REST */
static struct gateway near; /* keys named in its file */
static struct pki_ca doorman;
static char *doorman_pem;

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

/* ---- setting up -------------------------------------------------------------
 */

static void
use_token(struct gateway *g, const char *module)
{
	char *json = xasprintf("{\"module\":\"%s\",\"token\":\"" TOKEN "\","
			       "\"pin_file\":\"pin\",\"threads\":4,"
			       "\"timeout_ms\":100000}",
	    module);

	gateway_set(g, "pkcs11", json);
	free(json);
}

static void
doorman_load(void)
{
	char *cert = town_path(&town, "doorman/ca.pem");
	char *key = town_path(&town, "doorman/ca.key");
	FILE *f = fopen(cert, "re");

	assert_non_null(f);
	doorman.cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	f = fopen(key, "re");
	assert_non_null(f);
	doorman.key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(doorman.cert);
	assert_non_null(doorman.key);
	doorman_pem = enrol_pem(doorman.cert);
	free(cert);
	free(key);
}

static int
setup(void **state)
{
	town_start(&town, "net", NULL);
	doorman_load();
	softtoken_make(TOKEN);
	file_write("pin", SOFTTOKEN_PIN "\n", strlen(SOFTTOKEN_PIN) + 1);
	file_write("bad-pin", "00000000\n", 9);
	dir_make("slow");
	setenv("SLOWTOKEN", "slow", 1);
	gateway_prepare(&gw, "gateway", &town);
	use_token(&gw, SOFTTOKEN_MODULE);
	gateway_start(&gw);
	return 0;
}

static int
teardown(void **state)
{
	gateway_free(&near);
	gateway_free(&gw);
	town_stop(&town);
	EVP_PKEY_free(doorman.key);
	X509_free(doorman.cert);
	free(doorman_pem);
	return 0;
}

/* ---- the door
 * ----------------------------------------------------------------
 */

static void
options(struct tls_options *o, const char *host, int version)
{
	*o = (struct tls_options){.name = host, .version = version};
	o->cert = town_path(&town, "peers/good.pem");
	o->key = town_path(&town, "peers/good.key");
	o->ca = town_path(&town, "trust.pem");
}

static void
options_free(struct tls_options *o)
{
	free((void *)(uintptr_t)o->cert);
	free((void *)(uintptr_t)o->key);
	free((void *)(uintptr_t)o->ca);
}

/* A whole visit: the chain and the name are checked, a line comes back. */
static bool
visit(struct gateway *g, const char *host, int version)
{
	struct tls_options o;
	struct tls t;
	bool in;

	options(&o, host, version);
	(void)tls_connect(&t, g->port, &o);
	in = tls_echo(&t);
	tls_free(&t);
	options_free(&o);
	return in;
}

static void
everybody_is_served(struct gateway *g)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < NUM_MEMBERS; i++)
		for (size_t v = 0; v < 2; v++)
			if (!visit(g, members[i].host, versions[v]))
				fail_msg("%s, version %x", members[i].host,
				    (unsigned)versions[v]);
}

/* A number of /metrics, -1: not there. */
static double
metric(struct gateway *g, const char *name)
{
	char *line = xasprintf("\n%s ", name);
	struct web w;
	double v = -1;
	char *at;

	rest(g, &w, "GET", "/metrics", NULL);
	assert_int_equal(w.status, 200);
	at = strstr(w.body, line);
	if (at != NULL)
		v = atof(at + strlen(line));
	web_free(&w);
	free(line);
	return v;
}

/* ---- keys over REST
 * ----------------------------------------------------------
 */

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

		softtoken_look(&key, TOKEN, label);
		assert_int_equal(key.num, 1);
		assert_true(key.sensitive);
		assert_false(key.extractable);
		assert_true(key.never_extractable);
		assert_false(key.gives_value);
		rest(&gw, &w, "GET", path, NULL);
		assert_string_equal(json_text(w.json, where), TOKEN);
		web_free(&w);
		free(where);
		free(label);
		free(path);
		free(id);
	}
}

static void
the_journal_has_no_private_key(void **state)
{
	size_t len;
	char *text = file_need("gateway.state/keys.journal", &len);

	assert_non_null(strstr(text, "\"pkcs11\":{\"id\":"));
	assert_non_null(strstr(text, "BEGIN PUBLIC KEY"));
	assert_null(strstr(text, "PRIVATE KEY"));
	free(text);
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
	double before = metric(&gw, "p2p_gateway_token_signatures_total");
	/* One a request, two handshakes. */
	size_t made = 3 * NUM_MEMBERS;

	assert_true(before >= 0);
	for (size_t i = 0; i < NUM_MEMBERS; i++)
		member_set_up(&members[i]);
	everybody_is_served(&gw);
	assert_true(metric(&gw, "p2p_gateway_token_signatures_total") >=
	    before + (double)made);
	assert_true(metric(&gw, "p2p_gateway_token_up") == 1);
}

/* A client that is not ours, and that knows nothing of PSS. */
static void
openssl_takes_the_older_padding_too(void **state)
{
	char *to = xasprintf("127.0.0.1:%d", gw.port), *out;
	struct tls_options o;

	options(&o, "rsa.example", 0);
	const char *argv[] = {"/usr/bin/openssl", "s_client", "-connect", to,
	    "-servername", o.name, "-verify_hostname", o.name, "-CAfile", o.ca,
	    "-verify_return_error", "-cert", o.cert, "-cert_chain", o.cert,
	    "-key", o.key, "-tls1_2", "-sigalgs", "RSA+SHA256:ECDSA+SHA256",
	    "-brief", NULL};

	(void)proc_run(argv, "s_client.log", WAIT_MS, &out);
	if (strstr(out, "Signature type: RSA\n") == NULL ||
	    strstr(out, "Verification: OK") == NULL)
		fail_msg("%s", out);
	free(out);
	free(to);
	options_free(&o);
}

static void
a_restart_finds_them(void **state)
{
	gateway_stop(&gw);
	gateway_start(&gw);
	everybody_is_served(&gw);
}

/* ---- keys named in the file
 * ---------------------------------------------------
 */

/* A certificate of the doorman's for the cluster's key `alias`. */
static void
certify(const char *alias, const char *file)
{
	char *key = enrol_key(&gw, "p2p", alias, "TLS", ENROL_P256), *leaf;
	X509_REQ *req = enrol_csr(&gw, "p2p", key,
	    "{\"x500Name\":\"O=Near, L=London, C=GB\","
	    "\"subjectAlternativeNames\":[\"near.example\"]}");
	char *both;

	leaf = enrol_issue(&doorman, req, 300);
	both = xasprintf("%s%s", leaf, doorman_pem);
	file_write(file, both, strlen(both));
	X509_REQ_free(req);
	free(both);
	free(leaf);
	free(key);
}

static void
own_key(struct gateway *g, const char *uri)
{
	char *json = xasprintf("[{\"name\":\"own\",\"certificate\":"
			       "\"near.pem\",\"key\":\"%s\"}]",
	    uri);

	gateway_set(g, "identities", json);
	free(json);
}

/* Both roles: it is dialled, and it dials the other one as a client. */
static void
near_works(const char *max_version)
{
	char *version = xasprintf("\"%s\"", max_version);
	char *line, *value, buf[8];
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	size_t have = 0;
	ssize_t n;
	int fd;

	gateway_set(&near, "tls.max_version", version);
	(void)remove("near.log"); /* with the ready line of before */
	gateway_start(&near);
	assert_true(visit(&near, "near.example", 0));
	near.proc.mark = 0;
	line = proc_await(&near.proc, "ready listen=", WAIT_MS);
	value = line_value(line, "link-far");
	in.sin_port = htons((uint16_t)atoi(strrchr(value, ':') + 1));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
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

	certify("near", "near.pem");
	gateway_prepare(&near, "near", &town);
	use_token(&near, SOFTTOKEN_MODULE);
	own_key(&near, URI "object=p2p%2Fnear;type=private");
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
	    {"pkcs11.pin_file", "\"no-such-pin\"", "no-such-pin"},
	    {"pkcs11.categories", "[\"TLS\",\"TEA\"]", "a category of keys"},
	    {"pkcs11.threads", "0", "threads"},
	    {"state_dir", NULL, "$.state_dir is nothing"},
	    {"rest", "{\"certificate\":\"near.pem\",\"key\":\"pkcs11:id=a\"}",
		"$.rest.key is in a token"},
	    {"pkcs11", NULL, "no token is named in $.pkcs11"},
	};
	static const struct {
		const char *uri, *text;
	} uris[] = {
	    {URI "object=nothing", "no private key of that name"},
	    {URI "object=000000000001%2Ftls-key", "is not the one certified"},
	    {"pkcs11:token=other;object=p2p%2Fnear", "not the token"},
	    {URI "type=private", "expected an object or an id"},
	    {URI "colour=red", "'colour' is not an attribute"},
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
		own_key(&near, uris[i].uri);
		gateway_must_refuse(&near, uris[i].text);
	}
	own_key(&near, URI "object=p2p%2Fnear");
}

/* ---- a token with moods
 * --------------------------------------------------------
 */

/* Lines of a file that the module appends to. */
static unsigned
lines(const char *path)
{
	size_t len;
	char *text = file_read(path, &len);
	unsigned n = 0;

	for (char *p = text; p != NULL && (p = strchr(p, '\n')) != NULL; p++)
		n++;
	free(text);
	return n;
}

static void
lines_await(const char *path, unsigned n)
{
	for (int i = 0; i < WAIT_MS / 5 && lines(path) < n; i++)
		(void)poll(NULL, 0, 5);
	assert_in_range(lines(path), n, UINT_MAX);
}

static void
a_refused_pin_is_tried_once(void **state)
{
	char *slow = fixture_path("slowtoken.so");

	use_token(&near, slow);
	gateway_set(&near, "pkcs11.pin_file", "\"bad-pin\"");
	gateway_must_refuse(&near, "the PIN is wrong");
	assert_int_equal(lines("slow/logins"), 1);
	gateway_set(&near, "pkcs11.pin_file", "\"pin\"");
	(void)remove("slow/logins");
	free(slow);
}

/* The token's identity answers to its name, an ordinary one to all others. */
static void
moody_start(const char *timeout_ms)
{
	char *key = town_path(&town, "gateway.key");
	char *cert = town_path(&town, "gateway.pem");
	char *both = xasprintf("[{\"name\":\"plain\",\"certificate\":\"%s\","
			       "\"key\":\"%s\"},"
			       "{\"name\":\"own\",\"certificate\":"
			       "\"near.pem\",\"key\":\"%s\","
			       "\"server_names\":[\"near.example\"]}]",
	    cert, key, URI "object=p2p%2Fnear");

	gateway_set(&near, "identities", both);
	gateway_set(&near, "links", NULL);
	gateway_set(&near, "tls.max_version", "\"1.3\"");
	gateway_set(&near, "revocation.deadline_ms", "1000");
	gateway_set(&near, "limits.handshake_timeout_ms", timeout_ms);
	(void)remove("slow/signs");
	gateway_start(&near);
	free(key);
	free(cert);
	free(both);
}

#define NUM_SLOW 20

static void
a_slow_token_holds_up_nobody_else(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct tls slow[NUM_SLOW];
	struct tls_options o;

	moody_start("60000");
	file_write("slow/hold", "", 0);
	for (size_t i = 0; i < NUM_SLOW; i++) {
		options(&o, "near.example", versions[i / 2 % 2]);
		tls_dial(&slow[i], near.port, &o);
		assert_int_equal(tls_step(&slow[i]), 0);
		options_free(&o);
	}
	/* Every thread of the token is in it; the others wait in line. */
	lines_await("slow/signs", 4);
	for (size_t v = 0; v < 4; v++)
		assert_true(visit(&near, "localhost", versions[v % 2]));
	assert_true(metric(&near, "p2p_gateway_token_up") == 1);
	/* Half of them lose patience, in the line and in the token. */
	for (size_t i = 0; i < NUM_SLOW; i += 2)
		tls_leave(&slow[i]);
	for (size_t i = 0; i < NUM_SLOW; i += 2)
		gateway_must_say_next(
		    &near, "peer left while a signature was awaited");
	assert_true(visit(&near, "localhost", 0));
	assert_int_equal(lines("slow/signs"), 4);
	assert_int_equal(remove("slow/hold"), 0);
	for (size_t i = 1; i < NUM_SLOW; i += 2) {
		(void)fcntl(slow[i].fd, F_SETFL, 0);
		assert_int_equal(tls_step(&slow[i]), 1);
		assert_int_equal(tls_echo(&slow[i]), 1);
	}
	/* Those in the line who left were never signed for. */
	assert_in_range(lines("slow/signs"), NUM_SLOW / 2, NUM_SLOW / 2 + 4);
	for (size_t i = 0; i < NUM_SLOW; i++)
		tls_free(&slow[i]);
	gateway_stop(&near);
}

/* Stopped while signatures are being made, too: exit status 0, no leak. */
static void
the_deadline_of_handshakes_holds(void **state)
{
	struct tls_options o;
	struct tls t;

	moody_start("2000");
	file_write("slow/hold", "", 0);
	options(&o, "near.example", TLS1_3_VERSION);
	assert_int_equal(tls_connect(&t, near.port, &o), 0);
	gateway_must_say_next(&near, "handshake took too long");
	tls_free(&t);
	assert_int_equal(remove("slow/hold"), 0);
	assert_true(visit(&near, "near.example", TLS1_3_VERSION));
	file_write("slow/hold", "", 0);
	lines_await("slow/signs", 2);
	tls_dial(&t, near.port, &o);
	assert_int_equal(tls_step(&t), 0);
	lines_await("slow/signs", 3);
	proc_signal(&near.proc, SIGTERM);
	gateway_must_say_next(&near, "draining connections");
	assert_int_equal(remove("slow/hold"), 0);
	gateway_stop(&near);
	tls_free(&t);
	options_free(&o);
}

static void
a_call_that_never_returns_does_not_keep_it_from_stopping(void **state)
{
	struct tls_options o;
	struct tls t;
	size_t len;
	char *log;

	moody_start("60000");
	file_write("slow/hold", "", 0);
	options(&o, "near.example", TLS1_3_VERSION);
	tls_dial(&t, near.port, &o);
	assert_int_equal(tls_step(&t), 0);
	lines_await("slow/signs", 1);
	gateway_stop(&near);
	log = file_need("near.log", &len);
	assert_non_null(strstr(log, "a call of the token does not come back"));
	assert_int_equal(remove("slow/hold"), 0);
	free(log);
	tls_free(&t);
	options_free(&o);
}

static void
ready_says(const char *text, long status)
{
	struct web w;

	rest(&near, &w, "GET", "/readyz", NULL);
	if (w.status != status || strstr(w.body, text) == NULL)
		fail_msg("readyz: %ld %s, expected %s", w.status, w.body, text);
	web_free(&w);
}

/* A POST that goes its own way; the status is what it prints. */
static void
post_start(struct proc *p, const char *name, const char *path, const char *body)
{
	char *url =
	    xasprintf("https://127.0.0.1:%d/api/v1%s", near.rest_port, path);
	char *log = xasprintf("%s.curl", name);
	const char *argv[] = {"/usr/bin/curl", "-sk", "-u", REST_USER, "-d",
	    body, "-o", "/dev/null", "-w", "status=%{http_code}\n", url, NULL};

	proc_start(p, name, log, argv);
	free(log);
	free(url);
}

static long
post_status(struct proc *p)
{
	char *line = proc_await(p, "status=", WAIT_MS), *value;
	long status;

	assert_non_null(line);
	value = line_value(line, "status");
	status = atol(value);
	free(value);
	free(line);
	proc_cleanup(p);
	return status;
}

static unsigned
keys_labelled(const char *label)
{
	struct softtoken_key key;

	softtoken_look(&key, TOKEN, label);
	return key.num;
}

#define KEY_PATH(alias) \
	"/keys/00000000000A/alias/" alias "/category/TLS/scheme/" ENROL_P256

static void
rest_does_not_wait_either(void **state)
{
	struct proc one, two, csr;
	char *key, *path;
	struct web w;

	moody_start("10000");
	key = enrol_key(&near, "00000000000A", "first", "TLS", ENROL_P256);
	path = xasprintf("/certificates/00000000000A/%s", key);
	(void)remove("slow/keys");
	(void)remove("slow/made");
	file_write("slow/hold", "", 0);
	post_start(&one, "one", KEY_PATH("same"), "");
	post_start(&two, "two", KEY_PATH("same"), "");
	post_start(&csr, "csr", path, "{\"x500Name\":\"O=A, L=London, C=GB\"}");
	lines_await("slow/keys", 2);
	lines_await("slow/signs", 1);
	ready_says("\"degraded\":false", 200);
	assert_true(metric(&near, "p2p_gateway_token_up") == 1);
	assert_int_equal(remove("slow/hold"), 0);
	assert_int_equal(post_status(&csr), 200);
	/* One was first; the other one's key is not left behind. */
	assert_int_equal(post_status(&one) + post_status(&two), 200 + 409);
	assert_int_equal(keys_labelled("00000000000A/same"), 1);
	/* Nor is one that nobody waits for any longer. */
	file_write("slow/hold", "", 0);
	post_start(&one, "one", KEY_PATH("left"), "");
	lines_await("slow/keys", 3);
	proc_cleanup(&one);
	gateway_must_say_next(&near, "rest caller left before the answer");
	assert_int_equal(remove("slow/hold"), 0);
	lines_await("slow/made", 3);
	for (int i = 0; i < 1000 && keys_labelled("00000000000A/left") > 0; i++)
		(void)poll(NULL, 0, 5);
	assert_int_equal(keys_labelled("00000000000A/left"), 0);
	/* Not every token has every kind. */
	file_write("slow/rsaonly", "", 0);
	rest(&near, &w, "POST", KEY_PATH("none"), "");
	assert_int_equal(w.status, 400);
	assert_non_null(strstr(w.body, "does not know the mechanism"));
	web_free(&w);
	assert_int_equal(remove("slow/rsaonly"), 0);
	gateway_stop(&near);
	free(path);
	free(key);
}

static void
a_token_goes_and_comes_back(void **state)
{
	moody_start("10000");
	assert_true(visit(&near, "near.example", TLS1_3_VERSION));
	ready_says("\"degraded\":false", 200);
	file_write("slow/gone", "", 0);
	assert_false(visit(&near, "near.example", TLS1_3_VERSION));
	gateway_must_say_next(&near, "the token is lost: ");
	gateway_must_say_next(&near, "cannot sign: ");
	assert_true(metric(&near, "p2p_gateway_token_up") == 0);
	/* The default identity's key is elsewhere: still ready. */
	ready_says("is not available", 200);
	assert_true(visit(&near, "localhost", TLS1_2_VERSION));
	assert_int_equal(remove("slow/gone"), 0);
	/* Nobody has to come for that. */
	gateway_must_say_next(&near, "the token is back");
	assert_true(visit(&near, "near.example", TLS1_2_VERSION));
	ready_says("\"degraded\":false", 200);
	assert_true(metric(&near, "p2p_gateway_token_losses_total") == 1);
	gateway_stop(&near);
}

/* Logging in helps no one here, so it is done less and less. */
static void
a_broken_token_is_not_logged_in_to_for_each_peer(void **state)
{
	unsigned logins;
	bool in = false;

	moody_start("10000");
	logins = lines("slow/logins");
	file_write("slow/broken", "", 0);
	for (int i = 0; i < 20; i++)
		assert_false(visit(&near, "near.example", TLS1_3_VERSION));
	assert_in_range(lines("slow/logins"), logins + 1, logins + 12);
	assert_int_equal(remove("slow/broken"), 0);
	for (int i = 0; i < WAIT_MS / 50 && !in; i++) {
		(void)poll(NULL, 0, 50);
		in = visit(&near, "near.example", TLS1_3_VERSION);
	}
	assert_true(in);
	gateway_stop(&near);
}

static void
reload(const char *text)
{
	gateway_write(&near);
	proc_signal(&near.proc, SIGHUP);
	gateway_must_say_next(&near, text);
}

static void
where_is(const char *tenant, const char *key, const char *hsm)
{
	char *path = xasprintf("/keys/%s", tenant);
	char *place = xasprintf("%s.hsmId", key);
	struct web w;

	rest(&near, &w, "GET", path, NULL);
	assert_string_equal(json_text(w.json, place), hsm);
	web_free(&w);
	free(place);
	free(path);
}

static void
a_reload_may_change_categories_but_not_the_token(void **state)
{
	char *tls, *session;

	moody_start("10000");
	gateway_set(&near, "pkcs11.token", "\"another\"");
	reload("another module or token takes a restart");
	gateway_set(&near, "pkcs11.token", "\"" TOKEN "\"");
	gateway_set(&near, "pkcs11.categories", "[\"SESSION_INIT\"]");
	reload("reloaded the configuration");
	tls = enrol_key(&near, "00000000000B", "tls", "TLS", ENROL_P256);
	session =
	    enrol_key(&near, "00000000000B", "ses", "SESSION_INIT", ENROL_P256);
	where_is("00000000000B", tls, "SOFT");
	where_is("00000000000B", session, TOKEN);
	X509_REQ_free(enrol_csr(&near, "00000000000B", tls,
	    "{\"x500Name\":\"O=B, L=London, C=GB\"}"));
	gateway_stop(&near);
	gateway_start(&near);
	where_is("00000000000B", tls, "SOFT");
	where_is("00000000000B", session, TOKEN);
	assert_true(visit(&near, "near.example", TLS1_3_VERSION));
	gateway_stop(&near);
	gateway_set(&near, "pkcs11.categories", NULL);
	free(session);
	free(tls);
}

/* Somebody changes the PIN while the gateway runs. */
static void
a_pin_that_was_refused_waits_for_another(void **state)
{
	unsigned logins;

	moody_start("10000");
	logins = lines("slow/logins");
	file_write("slow/pin", "11112222", 8);
	file_write("slow/gone", "", 0);
	assert_false(visit(&near, "near.example", TLS1_3_VERSION));
	gateway_must_say_next(&near, "the token is not available");
	assert_int_equal(remove("slow/gone"), 0);
	gateway_must_say_next(&near, "the PIN is wrong");
	assert_int_equal(lines("slow/logins"), logins + 1);
	/* Neither a peer nor a reload makes it try the same one again. */
	for (int i = 0; i < 3; i++)
		assert_false(visit(&near, "near.example", TLS1_2_VERSION));
	proc_signal(&near.proc, SIGHUP);
	gateway_must_say_next(
	    &near, "cannot reload, the old configuration stays");
	ready_says("the PIN is wrong", 200);
	assert_int_equal(lines("slow/logins"), logins + 1);
	file_write("pin", "11112222\n", 9);
	proc_signal(&near.proc, SIGHUP);
	gateway_must_say_next(&near, "the token is back");
	gateway_must_say_next(&near, "reloaded the configuration");
	assert_true(visit(&near, "near.example", TLS1_3_VERSION));
	assert_int_equal(lines("slow/logins"), logins + 2);
	assert_int_equal(remove("slow/pin"), 0);
	file_write("pin", SOFTTOKEN_PIN "\n", strlen(SOFTTOKEN_PIN) + 1);
	gateway_stop(&near);
}

/* ---- a key that is lost
 * ---------------------------------------------------------
 */

static void
a_missing_key_is_named(void **state)
{
	gateway_stop(&gw);
	softtoken_delete(TOKEN, "000000000003/tls-key");
	gateway_must_refuse(&gw, "key '000000000003/tls-key' (id ");
	gateway_must_refuse(&gw, "no private key of that name");
	gateway_set(&gw, "pkcs11", NULL);
	gateway_must_refuse(
	    &gw, "is in the token '" TOKEN "': expected $.pkcs11");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_made_in_the_token),
	    cmocka_unit_test(the_journal_has_no_private_key),
	    cmocka_unit_test(they_serve_tls),
	    cmocka_unit_test(openssl_takes_the_older_padding_too),
	    cmocka_unit_test(a_restart_finds_them),
	    cmocka_unit_test(the_file_may_name_them),
	    cmocka_unit_test(wrong_names_refuse_the_start),
	    cmocka_unit_test(a_refused_pin_is_tried_once),
	    cmocka_unit_test(a_slow_token_holds_up_nobody_else),
	    cmocka_unit_test(the_deadline_of_handshakes_holds),
	    cmocka_unit_test(
		a_call_that_never_returns_does_not_keep_it_from_stopping),
	    cmocka_unit_test(rest_does_not_wait_either),
	    cmocka_unit_test(a_token_goes_and_comes_back),
	    cmocka_unit_test(a_broken_token_is_not_logged_in_to_for_each_peer),
	    cmocka_unit_test(a_reload_may_change_categories_but_not_the_token),
	    cmocka_unit_test(a_pin_that_was_refused_waits_for_another),
	    cmocka_unit_test(a_missing_key_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
