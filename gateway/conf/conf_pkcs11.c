/*
 * conf_pkcs11: the token of PKCS#11 that the bootstrap file names, and the
 * keys of identities that are in it. The token is opened while the snapshot
 * is built, like any file that is named there.
 */
#include <string.h>

#include <openssl/crypto.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_pki.h"
#include "gateway/conf/conf_secret.h"
#include "gateway/pkcs11/pkcs11_uri.h"
#include "gateway/pkcs11/pkcs11.h"

static int
open_token(struct conf *c, struct conf_reader *r)
{
	struct conf_pkcs11 *p = &c->pkcs11;
	struct pkcs11_options o = {.module = p->module,
	    .threads = p->threads,
	    .timeout_ms = p->timeout_ms};
	char pin[PKCS11_PIN_MAX + 1];
	struct err why;
	int rc = 0;

	if (conf_key_in_token(p->token_text))
		rc = pkcs11_uri_parse(&o.where, p->token_text, &why);
	else if (strlen(p->token_text) < sizeof(o.where.token))
		memcpy(o.where.token, p->token_text, strlen(p->token_text));
	else
		rc = E_PARSE;
	/* A PIN may stand in it. */
	if (rc != 0)
		return conf_fail(r, "$.pkcs11.token",
		    "is (not shown): expected a label of at most 32 "
		    "characters, or \"pkcs11:\" with token, manufacturer, "
		    "model and serial");
	if (o.where.id_len > 0 || o.where.object[0] != '\0')
		return conf_fail(r, "$.pkcs11.token",
		    "is (not shown): object and id are of keys, not of tokens");
	rc = conf_secret_read(pin, sizeof(pin), p->pin_file, &why);
	if (rc != 0)
		return conf_fail(r, "$.pkcs11.pin_file",
		    "names a file that cannot be used: %.180s", why.msg);
	o.pin = pin;
	rc = pkcs11_open(&p->token, &o, &why);
	OPENSSL_cleanse(pin, sizeof(pin));
	if (rc != 0)
		return conf_fail(
		    r, "$.pkcs11", "cannot be used: %.200s", why.msg);
	return 0;
}

static int
find_key(const struct conf *c, struct conf_identity *id, struct err *err)
{
	const struct pkcs11 *t = c->pkcs11.token;
	struct pkcs11_uri which;
	int rc;

	if (t == NULL)
		return err_set(err, E_PARSE, "no token is named in $.pkcs11");
	rc = pkcs11_uri_parse(&which, id->key_file, err);
	if (rc != 0)
		return rc;
	if (which.id_len == 0 && which.object[0] == '\0')
		return err_set(err, E_PARSE, "expected an object or an id");
	if (!pkcs11_uri_same_token(&which, pkcs11_get0_name(t)))
		return err_set(err, E_PARSE,
		    "that is not the token of $.pkcs11, which is '%s' with "
		    "serial '%s'",
		    pkcs11_get0_name(t)->token, pkcs11_get0_name(t)->serial);
	rc = pkcs11_find(c->pkcs11.token, &id->key, &which, err);
	if (rc != 0)
		return rc;
	return conf_pki_check_pair(id->chain, id->num_chain, id->key,
	    id->certificate_file, id->key_file, err);
}

int
conf_resolve_token(struct conf *c, struct conf_reader *r)
{
	struct err why;
	char path[48];
	int rc = 0;

	if (c->pkcs11.module != NULL && c->pkcs11.categories != 0 &&
	    c->state_dir == NULL)
		return conf_fail(r, "$.state_dir",
		    "is nothing: expected a directory, since keys made over "
		    "REST go into the token of $.pkcs11 (or \"categories\": "
		    "[])");
	if (c->pkcs11.module != NULL)
		rc = open_token(c, r);
	for (size_t i = 0; i < c->num_identities && rc == 0; i++) {
		struct conf_identity *id = &c->identities[i];

		if (!conf_key_in_token(id->key_file))
			continue;
		rc = find_key(c, id, &why);
		if (rc == 0)
			continue;
		snprintf(path, sizeof(path), "$.identities[%zu].key", i);
		return strcasestr(id->key_file, "pin") != NULL
		    ? conf_fail(r, path, "is (not shown): %.150s", why.msg)
		    : conf_fail(
			  r, path, "is '%.60s': %.150s", id->key_file, why.msg);
	}
	return rc;
}
