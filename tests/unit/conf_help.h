/*
 * conf_help: a file of the bootstrap that is taken, its defaults, and a file
 * or a section with one more value.
 */
#ifndef TESTS_UNIT_CONF_HELP_H
#define TESTS_UNIT_CONF_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/conf/conf_internal.h"
#include "tests/lib/pkimake.h"

static char dir[] = "/tmp/test-conf-XXXXXX";
static char chain[64], key[64], file[64];
static struct conf *defaults;

/* Puts value at a path, making the objects on the way. Takes value. */
static void
put(cJSON *o, const char *path, cJSON *value)
{
	char name[64];
	size_t n = strcspn(path, ".");
	cJSON *sub;

	snprintf(name, sizeof(name), "%.*s", (int)n, path);
	if (path[n] == '\0') {
		cJSON_DeleteItemFromObjectCaseSensitive(o, name);
		cJSON_AddItemToObject(o, name, value);
		return;
	}
	sub = cJSON_GetObjectItemCaseSensitive(o, name);
	if (sub == NULL)
		sub = cJSON_AddObjectToObject(o, name);
	put(sub, path + n + 1, value);
}

/* A file with what is required, and what lets a key have its whole range. */
static cJSON *
base_file(const char *path)
{
	static const struct {
		const char *path, *other, *value;
	} beside[] = {
	    {"limits.handshake_timeout_ms", "revocation.deadline_ms", "1"},
	    {"revocation.deadline_ms", "limits.handshake_timeout_ms",
		"3600000"},
	    {"own_certificates.error_days", "own_certificates.warn_days",
		"3650"},
	    {"own_certificates.warn_days", "own_certificates.error_days", "0"},
	    {"tls.max_version", "tls.min_version", "\"1.2\""},
	};
	char text[512];
	cJSON *o;

	snprintf(text, sizeof(text),
	    "{\"listen\":\"127.0.0.1:0\","
	    "\"node\":{\"addresses\":[\"127.0.0.1:1\"]},"
	    "\"identities\":[{\"name\":\"i\",\"certificate\":\"%s\","
	    "\"key\":\"%s\"}],"
	    "\"trust\":[{\"group\":\"g\",\"anchors\":\"%s\"}]}",
	    chain, key, chain);
	o = cJSON_Parse(text);
	assert_non_null(o);
	if (strncmp(path, "authorize.", 10) == 0) {
		put(o, "authorize.listen",
		    cJSON_CreateString("unix:/tmp/test-conf.sock"));
		put(o, "authorize.format", cJSON_CreateString("nginx"));
	}
	if (strncmp(path, "doorman.", 8) == 0)
		put(o, "doorman.status_url",
		    cJSON_CreateString("https://doorman.example/"));
	if (strncmp(path, "fleet.", 6) == 0) {
		put(o, "state_dir", cJSON_CreateString("/nowhere/state"));
		put(o, "fleet.name", cJSON_CreateString("f"));
		put(o, "fleet.endpoints",
		    cJSON_Parse("[\"https://etcd.example:2379\"]"));
		put(o, "fleet.secret_file", cJSON_CreateString(key));
	}
	if (strncmp(path, "fleet.evidence_store.", 21) == 0)
		put(o, "fleet.evidence_store.url",
		    cJSON_CreateString("https://objects.example/"));
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
		if (strcmp(beside[i].path, path) == 0)
			put(o, beside[i].other, cJSON_Parse(beside[i].value));
	return o;
}

static int
parse(struct conf **out, const cJSON *o, struct err *err)
{
	char *text = cJSON_Print(o);
	int rc = conf_parse(out, text, strlen(text), file, NULL, err);

	cJSON_free(text);
	return rc;
}

static int
setup(void **state)
{
	struct pki_ca ca;
	struct err err;
	cJSON *o;

	assert_non_null(mkdtemp(dir));
	snprintf(chain, sizeof(chain), "%s/chain.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(file, sizeof(file), "%s/gateway.json", dir);
	pki_ca_init(&ca, "keys");
	pki_write(chain, ca.cert, NULL);
	pki_write(key, NULL, ca.key);
	pki_ca_cleanup(&ca);
	o = base_file("");
	if (parse(&defaults, o, &err) != 0)
		fail_msg("%s", err.msg);
	cJSON_Delete(o);
	return 0;
}

static int
teardown(void **state)
{
	conf_free(defaults);
	unlink(chain);
	unlink(key);
	return rmdir(dir);
}

static bool
has_member(const struct conf_key *k)
{
	return conf_key_is_number(k) && !(k->flags & CONF_NO_EFFECT);
}

#endif
