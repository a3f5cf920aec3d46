/*
 * conf_check: what concerns several keys of the bootstrap file at once, and
 * what is resolved after all of them are read.
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/conf/conf_pki.h"

static int
check_counts(struct conf *c, struct conf_reader *r)
{
	/* What only answers proxies has neither peers nor a node. */
	bool door = c->authorize.listen.text == NULL || c->num_listeners > 0;
	const char *missing = NULL;

	if (c->num_listeners == 0 && door)
		missing = "$.listen";
	else if (c->node.num_addresses == 0 && door)
		missing = "$.node.addresses";
	else if (c->num_identities == 0)
		missing = "$.identities";
	else if (c->num_trusts == 0)
		missing = "$.trust";
	if (missing == NULL)
		return 0;
	return conf_fail(r, missing, "is []: expected at least one element");
}

bool
conf_nth_listen(const struct conf *c, size_t i, const struct address **out,
    char *path, size_t size)
{
	if (i < c->num_listeners) {
		snprintf(path, size, "$.listen[%zu]", i);
		*out = &c->listeners[i].address;
		return true;
	}
	i -= c->num_listeners;
	if (i < c->num_links) {
		snprintf(path, size, "$.links[%zu].listen", i);
		*out = &c->links[i].listen;
		return true;
	}
	i -= c->num_links;
	snprintf(path, size,
	    i == 0       ? "$.rest.listen"
		: i == 1 ? "$.connect.listen"
			 : "$.authorize.listen");
	*out = i == 0 ? &c->rest.listen
	    : i == 1  ? &c->connect.listen
		      : &c->authorize.listen;
	return i < 3;
}

/*
 * The kernel would let two listeners of one process share a port and deal
 * connections out between them: peers would reach what is the node's.
 */
static int
check_listens(struct conf *c, struct conf_reader *r)
{
	const struct address *a, *b;
	char path[64], other[64];

	for (size_t i = 0; conf_nth_listen(c, i, &a, path, sizeof(path)); i++) {
		if (a->text == NULL || (a->path == NULL && a->port == 0))
			continue;
		for (size_t k = 0; k < i; k++)
			if (conf_nth_listen(c, k, &b, other, sizeof(other)) &&
			    address_is(a, &b->sa))
				return conf_fail(r, path,
				    "is '%.64s': expected an address that is "
				    "not that of %s",
				    a->text, other);
	}
	return 0;
}

/*
 * A peer must get its verdict, and the alert that names it, while the
 * handshake still has time.
 */
static int
check_deadlines(struct conf *c, struct conf_reader *r)
{
	if (c->policy.deadline_ms < c->limits.handshake_timeout_ms)
		return 0;
	return conf_fail(r, "$.revocation.deadline_ms",
	    "is %u: expected less than $.limits.handshake_timeout_ms, which "
	    "is %u",
	    c->policy.deadline_ms, c->limits.handshake_timeout_ms);
}

static int
check_tls(struct conf *c, struct conf_reader *r)
{
	SSL_CTX *ctx;
	int rc = 0;

	if (c->tls.min_version > c->tls.max_version)
		return conf_fail(r, "$.tls.max_version",
		    "is \"1.2\": expected not less than $.tls.min_version");
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL)
		return err_ossl(r->err, E_NOMEM, "out of memory");
	if (SSL_CTX_set_ciphersuites(ctx, c->tls.ciphersuites) != 1)
		rc = conf_fail(r, "$.tls.ciphersuites",
		    "is '%s': expected TLS 1.3 cipher suites separated by "
		    "colons",
		    c->tls.ciphersuites);
	else if (SSL_CTX_set_cipher_list(ctx, c->tls.ciphers) != 1)
		rc = conf_fail(r, "$.tls.ciphers",
		    "is '%s': expected a cipher list of OpenSSL",
		    c->tls.ciphers);
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return rc;
}

/* Who it is to become is known before anything is bound. */
static int
check_user(struct conf *c, struct conf_reader *r)
{
	if (c->user != NULL && getpwnam(c->user) == NULL)
		return conf_fail(r, "$.user",
		    "is '%.64s': expected a user of this system", c->user);
	if (c->group != NULL && c->user == NULL)
		return conf_fail(r, "$.group",
		    "is '%.64s': expected $.user beside it", c->group);
	if (c->group != NULL && getgrnam(c->group) == NULL)
		return conf_fail(r, "$.group",
		    "is '%.64s': expected a group of this system", c->group);
	return 0;
}

static int
check_own(struct conf *c, struct conf_reader *r)
{
	if (c->own.error_days <= c->own.warn_days)
		return 0;
	return conf_fail(r, "$.own_certificates.error_days",
	    "is %u: expected not more than $.own_certificates.warn_days, "
	    "which is %u",
	    c->own.error_days, c->own.warn_days);
}

static int
find_identity(const struct conf *c, const char *name, size_t *out)
{
	for (size_t i = 0; i < c->num_identities; i++)
		if (name == NULL || strcmp(c->identities[i].name, name) == 0) {
			*out = i;
			return 0;
		}
	return E_PARSE;
}

static int
no_identity(struct conf_reader *r, const char *path, const char *name)
{
	return conf_fail(r, path,
	    "is '%.64s': expected the name of one of $.identities", name);
}

static int
resolve_links(struct conf *c, struct conf_reader *r)
{
	char path[64];

	for (size_t i = 0; i < c->num_links; i++) {
		struct conf_link *l = &c->links[i];

		snprintf(path, sizeof(path), "$.links[%zu].identity", i);
		if (find_identity(c, l->identity_name, &l->identity) != 0)
			return no_identity(r, path, l->identity_name);
		l->trust = l->group == NULL ? c->trust : NULL;
		for (size_t j = 0;
		     j < c->num_trusts && l->group != NULL && l->trust == NULL;
		     j++)
			if (strcmp(c->trusts[j].group, l->group) == 0)
				l->trust = c->trusts[j].trust;
		snprintf(path, sizeof(path), "$.links[%zu].group", i);
		if (l->trust == NULL)
			return conf_fail(r, path,
			    "is '%.64s': expected one of the groups of $.trust",
			    l->group);
	}
	if (find_identity(c, c->connect.identity_name, &c->connect.identity) !=
	    0)
		return no_identity(
		    r, "$.connect.identity", c->connect.identity_name);
	return 0;
}

/* Any group may vouch. That no group has changed is the usual case. */
static int
resolve_trust(struct conf *c, struct conf_reader *r)
{
	const struct conf *b = r->before;
	size_t same = 0;

	while (b != NULL && same < c->num_trusts && same < b->num_trusts &&
	    c->trusts[same].trust == b->trusts[same].trust)
		same++;
	if (b == NULL || same != c->num_trusts || same != b->num_trusts)
		return conf_pki_union(
		    &c->trust, c->trusts, c->num_trusts, r->err);
	c->trust = revcheck_trust_up_ref(b->trust);
	return 0;
}

static int
resolve_rest(struct conf *c, struct conf_reader *r)
{
	struct conf_rest *rest = &c->rest;
	struct err why;
	size_t num;

	if (rest->certificate_file == NULL &&
	    (rest->key_file != NULL || rest->password_file != NULL))
		return conf_fail(r, "$.rest",
		    "has a %s: expected a certificate beside it",
		    rest->key_file != NULL ? "key" : "password_file");
	if (rest->certificate_file != NULL && rest->key_file == NULL &&
	    (rest->key_file = strdup(rest->certificate_file)) == NULL)
		return err_set(r->err, E_NOMEM, "out of memory");
	if (rest->key_file != NULL && conf_key_in_token(rest->key_file))
		return conf_fail(r, "$.rest.key",
		    "is in a token: expected a file, since REST does not "
		    "wait for tokens");
	if (rest->certificate_file != NULL &&
	    (conf_pki_load_chain(&rest->chain, &rest->num_chain,
		 rest->certificate_file,
		 strcmp(rest->certificate_file, rest->key_file) == 0,
		 &why) != 0 ||
		conf_pki_load_key(&rest->key, rest->key_file,
		    rest->password_file, &why) != 0 ||
		conf_pki_check_pair(rest->chain, rest->num_chain, rest->key,
		    rest->certificate_file, rest->key_file, &why) != 0))
		return conf_fail(r, "$.rest",
		    "has no usable certificate and key: %.180s", why.msg);
	if (rest->client_anchors_file != NULL &&
	    conf_pki_load_trust(&rest->client_trust, &num,
		rest->client_anchors_file, &why) != 0)
		return conf_fail(r, "$.rest.client_anchors",
		    "is of no use: %.180s", why.msg);
	if (rest->num_clients > 0 && rest->client_trust == NULL)
		return conf_fail(r, "$.rest.client_anchors",
		    "is nothing: expected a file, since $.rest.clients are "
		    "listed");
	return 0;
}

/* Without listeners of its own HTTP mode is on all of them. */
static int
resolve_http(struct conf *c, struct conf_reader *r)
{
	struct conf_http *h = &c->http;
	struct conf_http_path *p;

	if (!h->enabled)
		return 0;
	for (size_t i = 0; i < c->num_listeners && !h->own_listeners; i++)
		c->listeners[i].http = true;
	if (h->num_paths > 0)
		return 0;
	p = conf_grow(&h->paths, &h->num_paths, sizeof(*p));
	if (p == NULL || (p->path = strdup("/")) == NULL)
		return err_set(r->err, E_NOMEM, "out of memory");
	return 0;
}

/* Ends the lists as revcheck_options wants them and points at them. */
static int
resolve_revocation(struct conf *c, struct conf_reader *r)
{
	struct conf_revocation *l = &c->revocation_lists;
	size_t num;

	num = l->num_allow_addresses;
	if (num > 0) {
		if (conf_grow(&l->allow_addresses, &num, sizeof(char *)) ==
		    NULL)
			return err_set(r->err, E_NOMEM, "out of memory");
		c->revocation.allow_addresses =
		    (const char *const *)l->allow_addresses;
	}
	num = l->num_crl_paths;
	if (num > 0) {
		if (conf_grow(&l->crl_paths, &num, sizeof(char *)) == NULL)
			return err_set(r->err, E_NOMEM, "out of memory");
		c->revocation.crl_paths = (const char *const *)l->crl_paths;
	}
	num = l->num_ports;
	if (num > 0) {
		if (conf_grow(&l->ports, &num, sizeof(uint16_t)) == NULL)
			return err_set(r->err, E_NOMEM, "out of memory");
		c->revocation.ports = l->ports;
	}
	c->revocation.proxy = l->proxy;
	c->revocation.https_ca_file = l->https_ca_file;
	c->revocation.state_dir = c->state_dir;
	return 0;
}

/* Zero is a value of these keys, and "the default" in a policy. */
void
conf_settle(struct conf *c)
{
	c->policy.no_skew = c->policy.skew_sec == 0;
	if (c->policy.security_level == 0)
		c->policy.security_level = -1;
}

int
conf_finish(struct conf *c, struct conf_reader *r)
{
	int rc = check_counts(c, r);

	conf_settle(c);
	if (rc == 0)
		rc = check_listens(c, r);
	if (rc == 0)
		rc = check_deadlines(c, r);
	if (rc == 0)
		rc = check_own(c, r);
	if (rc == 0)
		rc = check_tls(c, r);
	if (rc == 0)
		rc = check_user(c, r);
	if (rc == 0)
		rc = resolve_trust(c, r);
	if (rc == 0)
		rc = conf_resolve_token(c, r);
	if (rc == 0)
		rc = resolve_links(c, r);
	if (rc == 0)
		rc = resolve_rest(c, r);
	if (rc == 0)
		rc = conf_resolve_authorize(c, r);
	if (rc == 0)
		rc = conf_resolve_fleet(c, r);
	if (rc == 0)
		rc = conf_resolve_doorman(c, r);
	if (rc == 0)
		rc = resolve_http(c, r);
	if (rc == 0)
		rc = conf_resolve_allow(c, r);
	if (rc == 0)
		rc = resolve_revocation(c, r);
	if (c->workers == 0) {
		long cpus = sysconf(_SC_NPROCESSORS_ONLN);

		c->workers = cpus > 0 && cpus <= 256 ? (uint32_t)cpus : 1;
	}
	return rc;
}
