/*
 * hsm: see hsm.h.
 */
#include "tests/lib/hsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

struct pki_ca doorman;
char *doorman_pem;

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

int
hsm_setup(void **state)
{
	if (scene_setup(state) != 0)
		return -1;
	doorman_load();
	softtoken_make(HSM_TOKEN);
	file_write("pin", SOFTTOKEN_PIN "\n", strlen(SOFTTOKEN_PIN) + 1);
	file_write("bad-pin", "00000000\n", 9);
	gateway_prepare(&gw, "gateway", &town);
	hsm_use(&gw, SOFTTOKEN_MODULE);
	gateway_start(&gw);
	return 0;
}

int
hsm_teardown(void **state)
{
	gateway_free(&gw);
	EVP_PKEY_free(doorman.key);
	X509_free(doorman.cert);
	free(doorman_pem);
	return scene_teardown(state);
}

void
hsm_use(struct gateway *g, const char *module)
{
	char *json = xasprintf("{\"module\":\"%s\",\"token\":\"" HSM_TOKEN "\","
			       "\"pin_file\":\"pin\",\"threads\":4,"
			       "\"timeout_ms\":100000}",
	    module);

	gateway_set(g, "pkcs11", json);
	free(json);
}

void
hsm_identity(struct gateway *g, const char *uri)
{
	char *json = xasprintf("[{\"name\":\"own\",\"certificate\":"
			       "\"near.pem\",\"key\":\"%s\"}]",
	    uri);

	gateway_set(g, "identities", json);
	free(json);
}

void
hsm_certify_near(void)
{
	char *key = enrol_key(&gw, "p2p", "near", "TLS", ENROL_P256), *leaf;
	X509_REQ *req = enrol_csr(&gw, "p2p", key,
	    "{\"x500Name\":\"O=Near, L=London, C=GB\","
	    "\"subjectAlternativeNames\":[\"near.example\"]}");
	char *both;

	leaf = enrol_issue(&doorman, req, 300);
	both = xasprintf("%s%s", leaf, doorman_pem);
	file_write("near.pem", both, strlen(both));
	X509_REQ_free(req);
	free(both);
	free(leaf);
	free(key);
}

void
hsm_peer(struct tls_options *o, const char *host, int version)
{
	*o = (struct tls_options){.name = host, .version = version};
	o->cert = town_path(&town, "peers/good.pem");
	o->key = town_path(&town, "peers/good.key");
	o->ca = town_path(&town, "trust.pem");
}

void
hsm_peer_free(struct tls_options *o)
{
	free((void *)(uintptr_t)o->cert);
	free((void *)(uintptr_t)o->key);
	free((void *)(uintptr_t)o->ca);
}

bool
hsm_visit(struct gateway *g, const char *host, int version)
{
	struct tls_options o;
	struct tls t;
	bool in;

	hsm_peer(&o, host, version);
	(void)tls_connect(&t, g->port, &o);
	in = tls_echo(&t);
	tls_free(&t);
	hsm_peer_free(&o);
	return in;
}

double
hsm_metric(struct gateway *g, const char *name)
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
