/*
 * conf: life and death of snapshots. Loaded and derived on the control
 * thread, read and released on any.
 */
#include "gateway/conf/conf.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "cache/base/bytes.h"
#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_pki.h"
#include "gateway/base/json.h"

#define FILE_MAX_BYTES (16 * 1024 * 1024)

static const struct conf conf_defaults = {
    .node = {.connect_timeout_ms = 3000, .retry_ms = 1000, .max_retries = 2},
    .tls = {.min_version = TLS1_3_VERSION, .max_version = TLS1_3_VERSION},
    .http = {.max_request_bytes = 500000000,
	.max_head_bytes = 16384,
	.head_timeout_ms = 30000,
	.response_timeout_ms = 30000,
	.idle_timeout_ms = 600000,
	.node_idle_timeout_ms = 60000},
    .limits = {.handshake_timeout_ms = 10000,
	.idle_timeout_ms = 0,
	.drain_timeout_ms = 30000,
	.max_connections = 20000,
	.max_handshakes = 2000,
	.max_paused = 1000,
	.max_chain = 10},
    .recheck = {.grace_ms = 0, .jitter_ms = 0},
    .own = {.warn_days = 30, .error_days = 7, .staple = true},
    .rest = {.max_body_bytes = 1048576,
	.max_connections = 256,
	.idle_timeout_ms = 60000,
	.max_login_failures = 10,
	.login_window_ms = 60000,
	.max_decisions = 1000},
    .pkcs11 = {.threads = 4, .timeout_ms = 10000, .categories = UINT_MAX},
    .log = {.level = LOG_LEVEL_INFO},
    .warm_up_ms = 10000,
};

#define DEFAULT_SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384"
#define DEFAULT_CIPHERS                                              \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:" \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
#define DEFAULT_REST "127.0.0.1:8888"

struct conf *
conf_new_default(struct err *err)
{
	struct conf *c = malloc(sizeof(*c));

	if (c == NULL) {
		err_set(err, E_NOMEM, "out of memory");
		return NULL;
	}
	*c = conf_defaults;
	ref_init(&c->ref);
	c->policy.size = sizeof(c->policy);
	c->revocation.size = sizeof(c->revocation);
	c->tls.ciphersuites = strdup(DEFAULT_SUITES);
	c->tls.ciphers = strdup(DEFAULT_CIPHERS);
	if (c->tls.ciphersuites == NULL || c->tls.ciphers == NULL) {
		err_set(err, E_NOMEM, "out of memory");
		conf_free(c);
		return NULL;
	}
	if (address_parse(&c->rest.listen, DEFAULT_REST, true, err) != 0) {
		conf_free(c);
		return NULL;
	}
	return c;
}

int
conf_parse(struct conf **out, const char *text, size_t len, const char *path,
    const struct conf *before, struct err *err)
{
	struct conf_reader r = {.file = path,
	    .text = text,
	    .len = len,
	    .before = before,
	    .err = err};
	struct conf_place root = {.up = NULL};
	cJSON *tree = NULL;
	struct conf *c = NULL;
	char *copy = strdup(path);
	struct err why;
	int rc = E_NOMEM;

	*out = NULL;
	if (copy == NULL) {
		err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	r.dir = dirname(copy);
	rc = json_parse(&tree, text, len, &why);
	if (rc != 0) {
		err_set(err, rc, "%.120s: %s", path, why.msg);
		goto out;
	}
	root.item = tree;
	c = conf_new_default(err);
	if (c == NULL) {
		rc = E_NOMEM;
		goto out;
	}
	c->file = strdup(path);
	rc = c->file != NULL ? conf_read_object(&r, &root, conf_file_table, c)
			     : err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		rc = conf_finish(c, &r);
	if (rc != 0)
		goto out;
	*out = c;
	c = NULL;
out:
	conf_free(c);
	cJSON_Delete(tree);
	free(copy);
	return rc;
}

static int
read_whole(struct bytes *b, const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	char buf[16384];
	size_t n;
	int rc = 0;

	if (f == NULL)
		return err_sys(err, "cannot open '%s'", path);
	while (rc == 0 && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		rc = bytes_append(b, buf, n);
	if (rc != 0)
		err_set(err, rc, "cannot read '%s': larger than %d bytes", path,
		    FILE_MAX_BYTES);
	else if (ferror(f))
		rc = err_sys(err, "cannot read '%s'", path);
	fclose(f);
	return rc;
}

int
conf_load(struct conf **out, const char *path, const struct conf *before,
    struct err *err)
{
	struct bytes b;
	int rc;

	*out = NULL;
	bytes_init(&b, FILE_MAX_BYTES);
	rc = read_whole(&b, path, err);
	if (rc == 0)
		rc = conf_parse(out, b.p != NULL ? (char *)b.p : "", b.len,
		    path, before, err);
	bytes_cleanup(&b);
	return rc;
}

struct conf *
conf_up_ref(struct conf *c)
{
	ref_up(&c->ref);
	return c;
}

void
conf_free_strings(char **list, size_t num)
{
	for (size_t i = 0; i < num; i++)
		free(list[i]);
	free(list);
}

void
conf_free_paths(struct conf_http_path *list, size_t num)
{
	for (size_t i = 0; i < num; i++)
		free(list[i].path);
	free(list);
}

void
conf_identity_cleanup(struct conf_identity *id)
{
	free(id->name);
	free(id->certificate_file);
	free(id->key_file);
	conf_pki_free_chain(id->chain, id->num_chain);
	EVP_PKEY_free(id->key);
	conf_free_strings(id->server_names, id->num_server_names);
}

void
conf_trust_cleanup(struct conf_trust *t)
{
	free(t->group);
	free(t->anchors_file);
	revcheck_trust_free(t->trust);
}

static void
link_cleanup(struct conf_link *l)
{
	free(l->name);
	free(l->server_name);
	free(l->identity_name);
	free(l->group);
	address_cleanup(&l->listen);
	for (size_t i = 0; i < l->num_peers; i++)
		address_cleanup(&l->peers[i]);
	free(l->peers);
}

static void
rest_cleanup(struct conf_rest *r)
{
	address_cleanup(&r->listen);
	free(r->certificate_file);
	free(r->key_file);
	free(r->client_anchors_file);
	conf_pki_free_chain(r->chain, r->num_chain);
	EVP_PKEY_free(r->key);
	revcheck_trust_free(r->client_trust);
	for (size_t i = 0; i < r->num_users; i++) {
		free(r->users[i].name);
		free(r->users[i].password_hash);
	}
	free(r->users);
	for (size_t i = 0; i < r->num_clients; i++)
		free(r->clients[i].subject);
	free(r->clients);
}

/* What a loaded snapshot owns. */
static void
free_loaded(struct conf *c)
{
	free(c->file);
	free(c->state_dir);
	free(c->key_secret);
	free(c->user);
	free(c->group);
	free(c->watch.path);
	for (size_t i = 0; i < c->num_listeners; i++)
		address_cleanup(&c->listeners[i].address);
	free(c->listeners);
	for (size_t i = 0; i < c->node.num_addresses; i++)
		address_cleanup(&c->node.addresses[i]);
	free(c->node.addresses);
	for (size_t i = 0; i < c->num_identities; i++)
		conf_identity_cleanup(&c->identities[i]);
	free(c->identities);
	for (size_t i = 0; i < c->num_trusts; i++)
		conf_trust_cleanup(&c->trusts[i]);
	free(c->trusts);
	revcheck_trust_free(c->trust);
	free(c->tls.ciphersuites);
	free(c->tls.ciphers);
	name_set_free(c->tls.allowed_subjects);
	conf_free_paths(c->http.paths, c->http.num_paths);
	for (size_t i = 0; i < c->num_links; i++)
		link_cleanup(&c->links[i]);
	free(c->links);
	address_cleanup(&c->connect.listen);
	conf_free_strings(c->connect.allow, c->connect.num_allow);
	free(c->connect.identity_name);
	rest_cleanup(&c->rest);
	free(c->pkcs11.module);
	free(c->pkcs11.token_text);
	free(c->pkcs11.pin_file);
	conf_free_strings(c->revocation_lists.allow_addresses,
	    c->revocation_lists.num_allow_addresses);
	conf_free_strings(
	    c->revocation_lists.crl_paths, c->revocation_lists.num_crl_paths);
	free(c->revocation_lists.ports);
	free(c->revocation_lists.proxy);
	free(c->revocation_lists.https_ca_file);
}

void
conf_free(struct conf *c)
{
	if (c == NULL || !ref_down(&c->ref))
		return;
	if (c->parent != NULL)
		conf_free_derived(c);
	else
		free_loaded(c);
	free(c);
}
