/* init: see the header. Main thread. */
#include "gateway/command/init.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "cache/base/bytes.h"
#include "gateway/base/password_hash.h"
#include "gateway/command/demo_pki.h"
#include "gateway/command/new_file.h"

#define CONFIG_NAME  "p2p-gateway.json"
#define PASSWORD_LEN 20
#define TEXT_MAX     65536

/* What goes into the example; JSON texts where a value stands. */
struct example {
	char *listen, *node;
	char *cert, *key, *anchors; /* key NULL: in cert */
	char *mode;
	char *crls; /* NULL: none are known */
	char *state_dir;
	char password[PASSWORD_LEN + 1];
	char hash[PASSWORD_HASH_SIZE];
};

static void
example_cleanup(struct example *x)
{
	cJSON_free(x->listen);
	cJSON_free(x->node);
	cJSON_free(x->cert);
	cJSON_free(x->key);
	cJSON_free(x->anchors);
	cJSON_free(x->mode);
	cJSON_free(x->crls);
	cJSON_free(x->state_dir);
	OPENSSL_cleanse(x->password, sizeof(x->password));
}

/* A value as JSON writes it; cJSON_free. */
static char *
quoted(const char *text)
{
	cJSON *item = cJSON_CreateString(text);
	char *out = cJSON_PrintUnformatted(item);

	cJSON_Delete(item);
	return out;
}

/*
 * A file that was named from here, as the configuration has to name it; it may
 * be made later.
 */
static const char *
from_here(const char *given, char path[PATH_MAX])
{
	size_t len;

	if (realpath(given, path) != NULL)
		return path;
	if (given[0] == '/' || getcwd(path, PATH_MAX) == NULL)
		return given;
	len = strlen(path);
	if (len + 1 + strlen(given) >= PATH_MAX)
		return given;
	snprintf(path + len, PATH_MAX - len, "/%s", given);
	return path;
}

static char *
quoted_path(const char *given, const char *preset)
{
	char path[PATH_MAX];

	return quoted(given != NULL ? from_here(given, path) : preset);
}

/* preset: the only item of an empty list. */
static char *
quoted_list(const char *const *list, size_t num, bool files, const char *preset)
{
	cJSON *a = cJSON_CreateArray();
	char path[PATH_MAX], *out;

	for (size_t i = 0; i < num; i++)
		cJSON_AddItemToArray(a,
		    cJSON_CreateString(
			files ? from_here(list[i], path) : list[i]));
	if (num == 0)
		cJSON_AddItemToArray(a, cJSON_CreateString(preset));
	out = cJSON_PrintUnformatted(a);
	cJSON_Delete(a);
	return out;
}

/* 5 bits a letter: no two that look alike. */
static int
new_password(char out[PASSWORD_LEN + 1], struct err *err)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char raw[PASSWORD_LEN];

	if (RAND_bytes(raw, sizeof(raw)) != 1)
		return err_ossl(err, E_INTERNAL, "no random numbers");
	for (size_t i = 0; i < PASSWORD_LEN; i++)
		out[i] = letters[raw[i] % 32];
	out[PASSWORD_LEN] = '\0';
	OPENSSL_cleanse(raw, sizeof(raw));
	return 0;
}

static int
example_init(struct example *x, const struct options *o, struct err *err)
{
	const struct quick_conf *q = &o->quick;
	bool demo = o->demo_pki;
	int rc;

	memset(x, 0, sizeof(*x));
	x->listen = quoted_list(q->listen, q->num_listen, false,
	    demo ? "127.0.0.1:8443" : "0.0.0.0:8443");
	x->node = quoted_list(q->node, q->num_node, false, "127.0.0.1:9000");
	x->cert =
	    quoted_path(q->cert, demo ? "pki/gateway.pem" : "gateway.pem");
	if (q->key != NULL || q->cert == NULL)
		x->key = quoted_path(
		    q->key, demo ? "pki/gateway.key" : "gateway.key");
	x->anchors =
	    quoted_path(q->anchors, demo ? "pki/root.pem" : "anchors.pem");
	/* There is a CRL for every certificate of the demo's CA. */
	x->mode = quoted(q->mode != NULL ? q->mode
		: demo                   ? "HARD_FAIL"
					 : "SOFT_FAIL");
	if (q->num_crl > 0 || demo)
		x->crls = quoted_list(q->crl, q->num_crl, true, "pki/root.crl");
	x->state_dir = quoted_path(q->state_dir, "state");
	rc = new_password(x->password, err);
	return rc == 0 ? password_hash(x->hash, x->password, PASSWORD_COST, err)
		       : rc;
}

static void
add(struct bytes *b, const char *text)
{
	/* A failure is sticky in the length that is checked at the end. */
	(void)!bytes_append(b, text, strlen(text));
}

static void
add_key(struct bytes *b, const struct example *x)
{
	if (x->key == NULL)
		return;
	add(b, ",\n     \"key\": ");
	add(b, x->key);
}

static void
example_text(struct bytes *b, const struct example *x)
{
	add(b,
	    "// p2p-gateway, see p2p-gateway.conf(5). What is commented out "
	    "is the default.\n"
	    "{\n"
	    "  // where peers connect, over TLS\n"
	    "  \"listen\": ");
	add(b, x->listen);
	add(b,
	    ",\n"
	    "  // where their bytes go, in plain: the node\n"
	    "  \"node\": {\"addresses\": ");
	add(b, x->node);
	add(b,
	    "},\n"
	    "  // what peers see: chain (leaf first) and key, PEM; one file "
	    "may hold both.\n"
	    "  // A key that is encrypted takes a \"password_file\"\n"
	    "  \"identities\": [\n"
	    "    {\"name\": \"main\",\n"
	    "     \"certificate\": ");
	add(b, x->cert);
	add_key(b, x);
	add(b,
	    "},\n"
	    "  ],\n"
	    "  // the CAs that vouch for peers, PEM\n"
	    "  \"trust\": [{\"group\": \"network\", \"anchors\": ");
	add(b, x->anchors);
	add(b,
	    "}],\n"
	    "  // evidence, denylist, pushed configuration: survive a "
	    "restart here\n"
	    "  \"state_dir\": ");
	add(b, x->state_dir);
	add(b,
	    ",\n"
	    "  \"revocation\": {\n"
	    "    // HARD_FAIL refuses whom nobody can answer for, SOFT_FAIL "
	    "lets him in and counts\n"
	    "    \"mode\": ");
	add(b, x->mode);
	add(b, ",\n");
	add(b, "    // CRLs of your own, read again when they change\n    ");
	add(b, x->crls != NULL ? "\"crl_paths\": " : "// \"crl_paths\": ");
	add(b, x->crls != NULL ? x->crls : "[\"crls\"]");
	add(b, ",\n");
	add(b,
	    "    // CRL servers and responders at loopback or other special "
	    "addresses, and at ports\n"
	    "    // that are not 80 and 443\n"
	    "    // \"allow_addresses\": [\"127.0.0.1\"],\n"
	    "    // \"ports\": [80, 443],\n"
	    "    // how long a handshake may wait for evidence\n"
	    "    // \"deadline_ms\": 5000,\n"
	    "  },\n"
	    "  // for operators and the node: HTTPS with a password\n"
	    "  \"rest\": {\n"
	    "    \"listen\": \"127.0.0.1:8888\",\n"
	    "    \"users\": [\n"
	    "      {\"name\": \"operator\", \"roles\": [\"operate\"],\n"
	    "       \"password_hash\": \"");
	add(b, x->hash);
	add(b,
	    "\"},\n"
	    "    ],\n"
	    "  },\n"
	    "  // \"tls\": {\"min_version\": \"1.3\"},\n"
	    "  // \"limits\": {\"max_connections\": 20000},\n"
	    "  // more of it, a file for each member perhaps\n"
	    "  // \"include\": \"conf.d/*.json\",\n"
	    "}\n");
}

/* The directory and, first in it, what tells a second run that there was one.
 */
static int
write_example(const char *dir, const struct example *x, init_check_fn *check,
    struct err *err)
{
	struct bytes b;
	int rc;

	bytes_init(&b, TEXT_MAX);
	example_text(&b, x);
	rc = b.len > 2 && memcmp(b.p + b.len - 2, "}\n", 2) == 0
	    ? check((const char *)b.p, b.len, CONFIG_NAME, err)
	    : err_set(err, E_LIMIT, "the values are too long");
	if (rc == 0)
		rc = new_directory(dir, "", 0750, err);
	/* The hash of a password is not for everybody. */
	if (rc == 0)
		rc = new_file(dir, CONFIG_NAME, b.p, b.len, 0640, err);
	bytes_cleanup(&b);
	return rc;
}

static void
say_next(const char *dir, const struct options *o, const struct example *x)
{
	const char *port;

	printf("made %s: %s%s%s\n\n", dir, CONFIG_NAME,
	    o->demo_pki ? ", pki/" : "",
	    o->quick.state_dir == NULL ? ", state/" : "");
	printf("the password of 'operator' for REST, shown this once: %s\n\n",
	    x->password);
	if (o->quick.cert == NULL && !o->demo_pki)
		printf("put gateway.pem (chain, leaf first), gateway.key and "
		       "anchors.pem (the CAs of peers)\ninto %s; then\n\n",
		    dir);
	printf("    p2p-gateway --config %s/%s --check-config\n"
	       "    p2p-gateway --config %s/%s\n",
	    dir, CONFIG_NAME, dir, CONFIG_NAME);
	if (!o->demo_pki)
		return;
	printf("\npeers to try, with something that listens at the node's "
	       "address (nc -lk 9000):\n\n");
	port =
	    o->quick.num_listen > 0 ? strrchr(o->quick.listen[0], ':') : NULL;
	for (int i = 0; i < 2; i++) {
		const char *who = i == 0 ? "good" : "revoked";

		printf("    openssl s_client -quiet -connect localhost%s "
		       "-CAfile %s/pki/root.pem \\\n        -cert "
		       "%s/pki/%s.pem -key %s/pki/%s.key\n",
		    port != NULL ? port : ":8443", dir, dir, who, dir, who);
	}
}

int
init_directory(
    const struct options *o, init_check_fn *check, time_t now, struct err *err)
{
	const char *dir = o->path;
	char pki[PATH_MAX];
	struct example x;
	int rc = example_init(&x, o, err);

	if (rc == 0)
		rc = write_example(dir, &x, check, err);
	if (rc == 0 && o->quick.state_dir == NULL)
		rc = new_directory(dir, "state", 0700, err);
	if (rc == 0 && o->demo_pki)
		rc = new_directory(dir, "pki", 0700, err);
	snprintf(pki, sizeof(pki), "%s/pki", dir);
	if (rc == 0 && o->demo_pki)
		rc = demo_pki_make(pki, now, err);
	if (rc == 0)
		say_next(dir, o, &x);
	example_cleanup(&x);
	return rc;
}
