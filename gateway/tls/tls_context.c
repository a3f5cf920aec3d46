/*
 * tls_context: see the header.
 *
 * Session resumption would skip the verify callback and carry no chain, so it
 * is off in every context, both ways: no cache, no tickets.
 */
#include "gateway/tls/tls_context.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "cache/base/ref.h"
#include "gateway/conf/conf.h"
#include "gateway/tls/handshake.h"
#include "gateway/tls/sni_index.h"
#include "gateway/tls/staple.h"
#include "gateway/tls/tls_lib_ctx.h"

/* Bytes of Certificate message a peer may send. */
#define TLS_CERT_LIST_MAX (100 * 1024)

static STACK_OF(X509) * issuers_of(const struct conf_identity *id)
{
	STACK_OF(X509) *sk = sk_X509_new_null();

	for (size_t i = 1; sk != NULL && i < id->num_chain; i++)
		if (!sk_X509_push(sk, id->chain[i])) {
			sk_X509_free(sk);
			sk = NULL;
		}
	return sk;
}

static int
level_of(const struct conf *conf)
{
	int level = conf->policy.security_level;

	return level == 0 ? REVCHECK_SECURITY_LEVEL : level < 0 ? 0 : level;
}

static bool
is_shown_at(SSL_CTX *ctx, const struct conf_identity *id,
    STACK_OF(X509) * issuers, int level)
{
	SSL_CTX_set_security_level(ctx, level);
	return SSL_CTX_use_cert_and_key(
		   ctx, id->chain[0], id->key, issuers, 1) == 1;
}

/*
 * OpenSSL refuses to show an identity that is too weak for the level. Which
 * level would do is found by trying; that none does has another cause.
 */
static int
identity_check(SSL_CTX *ctx, const struct conf *conf,
    const struct conf_identity *id, struct err *err)
{
	STACK_OF(X509) *issuers = issuers_of(id);
	int most = level_of(conf);

	if (issuers == NULL)
		return err_set(err, E_NOMEM, "cannot set up TLS");
	if (is_shown_at(ctx, id, issuers, most)) {
		sk_X509_free(issuers);
		return 0;
	}
	err_ossl(err, E_ARG, "cannot set up TLS for identity '%s'",
	    id->name != NULL ? id->name : "?");
	while (--most >= 0 && !is_shown_at(ctx, id, issuers, most))
		;
	sk_X509_free(issuers);
	ERR_clear_error();
	if (most < 0)
		return E_ARG;
	return err_set(err, E_ARG,
	    "securityLevel (tls.security_level in the file) is %d: expected at "
	    "most %d, the level of the certificate of identity '%.64s'",
	    level_of(conf), most, id->name != NULL ? id->name : "?");
}

/* A level can be so high that no cipher is left, and nobody gets in. */
static int
ciphers_check(SSL_CTX *ctx, const struct conf *conf, struct err *err)
{
	SSL *ssl = SSL_new(ctx);
	STACK_OF(SSL_CIPHER) *usable =
	    ssl != NULL ? SSL_get1_supported_ciphers(ssl) : NULL;
	int num = usable != NULL ? sk_SSL_CIPHER_num(usable) : 0;

	sk_SSL_CIPHER_free(usable);
	SSL_free(ssl);
	if (ssl == NULL)
		return err_set(err, E_NOMEM, "cannot set up TLS");
	ERR_clear_error();
	if (num > 0)
		return 0;
	return err_set(err, E_ARG,
	    "securityLevel (tls.security_level in the file) is %d: expected "
	    "less, since it leaves none of tls.ciphersuites and tls.ciphers",
	    level_of(conf));
}

/* What both directions have in common. */
static SSL_CTX *
ctx_new(const struct conf *conf, const struct conf_identity *id,
    const SSL_METHOD *method, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(tls_lib_ctx(), NULL, method);
	STACK_OF(X509) *issuers = issuers_of(id);

	if (ctx == NULL || issuers == NULL)
		goto fail;
	/* First: an identity that is too weak for it is refused here. */
	SSL_CTX_set_security_level(ctx, level_of(conf));
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
		SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ASYNC | SSL_MODE_RELEASE_BUFFERS |
		SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
	/* A flood of key updates has its turn, not the whole loop. */
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_max_cert_list(ctx, TLS_CERT_LIST_MAX);
	if (!SSL_CTX_set_num_tickets(ctx, 0) ||
	    !SSL_CTX_set_min_proto_version(ctx, conf->tls.min_version) ||
	    !SSL_CTX_set_max_proto_version(ctx, conf->tls.max_version) ||
	    !SSL_CTX_set_ciphersuites(ctx, conf->tls.ciphersuites) ||
	    (conf->tls.ciphers != NULL &&
		!SSL_CTX_set_cipher_list(ctx, conf->tls.ciphers)) ||
	    !SSL_CTX_use_cert_and_key(ctx, id->chain[0], id->key, issuers, 1))
		goto fail;
	sk_X509_free(issuers);
	return ctx;
fail:
	err_ossl(err, E_ARG, "cannot set up TLS for identity '%s'",
	    id->name != NULL ? id->name : "?");
	sk_X509_free(issuers);
	SSL_CTX_free(ctx);
	return NULL;
}

/* What they come from. */

static bool
text_same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
settings_same(const struct conf *a, const struct conf *b)
{
	return a->policy.security_level == b->policy.security_level &&
	    a->tls.min_version == b->tls.min_version &&
	    a->tls.max_version == b->tls.max_version &&
	    text_same(a->tls.ciphersuites, b->tls.ciphersuites) &&
	    text_same(a->tls.ciphers, b->tls.ciphers);
}

/* Certificates are compared whole: each change parses those of REST anew. */
static bool
identity_same(const struct conf_identity *a, const struct conf_identity *b)
{
	if (a->num_chain != b->num_chain || a->key != b->key)
		return false;
	for (size_t i = 0; i < a->num_chain; i++)
		if (a->chain[i] != b->chain[i] &&
		    X509_cmp(a->chain[i], b->chain[i]) != 0)
			return false;
	return true;
}

static bool
names_same(const struct conf_identity *a, const struct conf_identity *b)
{
	if (a->num_server_names != b->num_server_names)
		return false;
	for (size_t i = 0; i < a->num_server_names; i++)
		if (strcmp(a->server_names[i], b->server_names[i]) != 0)
			return false;
	return true;
}

static bool
server_same(const struct conf *a, const struct conf *b)
{
	if (a == b)
		return true;
	if (!settings_same(a, b) || a->tls.type != b->tls.type ||
	    a->own.staple != b->own.staple ||
	    a->num_identities != b->num_identities)
		return false;
	for (size_t i = 0; i < a->num_identities; i++)
		if (!identity_same(&a->identities[i], &b->identities[i]) ||
		    !names_same(&a->identities[i], &b->identities[i]))
			return false;
	return true;
}

/* Servers. */

struct tls_server {
	struct ref ref;
	struct conf *conf; /* what it was made from: a reference */
	struct sni_index *names;
	SSL_CTX *ctx;
};

/* Another certificate for the name the peer asked for, before ours is sent. */
static int
choose_identity(SSL *ssl, void *arg)
{
	const struct tls_server *s = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	size_t i = sni_find(s->names, name);
	const struct conf_identity *id = &s->conf->identities[i];
	STACK_OF(X509) * issuers;
	int ok;

	if (i == 0)
		return 1;
	/*
	 * OpenSSL keeps one certificate a kind of key: the default one would
	 * stay beside one of another kind, and could be chosen instead.
	 */
	SSL_certs_clear(ssl);
	issuers = issuers_of(id);
	ok = issuers != NULL &&
	    SSL_use_cert_and_key(ssl, id->chain[0], id->key, issuers, 1) == 1;
	sk_X509_free(issuers);
	return ok;
}

/*
 * Those beside the first are chosen when a peer asks for their name, where it
 * would be too late to say that they cannot be shown.
 */
static int
identities_check(const struct conf *conf, size_t num, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(tls_lib_ctx(), NULL, TLS_server_method());
	int rc = ctx != NULL ? 0 : err_set(err, E_NOMEM, "cannot set up TLS");

	for (size_t i = 0; i < num && rc == 0; i++)
		rc = identity_check(ctx, conf, &conf->identities[i], err);
	SSL_CTX_free(ctx);
	return rc;
}

/*
 * What members show is theirs: one that is too weak stops nobody else, but for
 * who raises the level and should know.
 */
static size_t
num_to_check(const struct conf *conf, const struct tls_server *old)
{
	if (old != NULL && level_of(conf) > level_of(old->conf))
		return conf->num_identities;
	return conf->num_identities - conf->num_own_identities;
}

static int
server_make_ctx(struct tls_server *s, size_t num_checked, struct err *err)
{
	static const unsigned char sid_ctx[] = "p2p-gateway";
	const struct conf *conf = s->conf;
	int rc;

	if (conf->num_identities == 0)
		return err_set(err, E_ARG,
		    "no identity: a listener needs a certificate and key");
	rc = identities_check(conf, num_checked, err);
	if (rc != 0)
		return rc;
	s->ctx = ctx_new(conf, &conf->identities[0], TLS_server_method(), err);
	if (s->ctx == NULL)
		return E_ARG;
	rc = ciphers_check(s->ctx, conf, err);
	if (rc != 0)
		return rc;
	if (SSL_CTX_set_session_id_context(
		s->ctx, sid_ctx, sizeof(sid_ctx) - 1) != 1)
		return err_ossl(err, E_INTERNAL, "cannot set up TLS");
	if (conf->num_identities > 1)
		SSL_CTX_set_cert_cb(s->ctx, choose_identity, s);
	if (conf->own.staple)
		SSL_CTX_set_tlsext_status_cb(s->ctx, staple_status_cb);
	if (conf->tls.type == CONF_TLS_ONE_WAY) {
		SSL_CTX_set_verify(s->ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	SSL_CTX_set_verify(
	    s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(s->ctx, handshake_verify_cb, NULL);
	return 0;
}

int
tls_server_new(struct tls_server **out, struct conf *conf,
    struct tls_server *old, struct err *err)
{
	struct tls_server *s;
	int rc;

	*out = NULL;
	if (old != NULL && server_same(old->conf, conf)) {
		ref_up(&old->ref);
		*out = old;
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, E_NOMEM, "cannot set up TLS");
	ref_init(&s->ref);
	s->conf = conf_up_ref(conf);
	rc = sni_index_new(&s->names, conf, err);
	if (rc == 0)
		rc = server_make_ctx(s, num_to_check(conf, old), err);
	if (rc != 0) {
		tls_server_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
tls_server_free(struct tls_server *s)
{
	if (s == NULL || !ref_down(&s->ref))
		return;
	SSL_CTX_free(s->ctx);
	sni_index_free(s->names);
	conf_free(s->conf);
	free(s);
}

SSL_CTX *
tls_server_get0_ctx(const struct tls_server *s)
{
	return s->ctx;
}

/* Clients. */

int
tls_client_ctx_new(
    SSL_CTX **out, const struct conf *conf, size_t identity, struct err *err)
{
	SSL_CTX *ctx;

	*out = NULL;
	if (identity >= conf->num_identities)
		return err_set(err, E_ARG,
		    "a link needs an identity of its own: there are %zu",
		    conf->num_identities);
	ctx = ctx_new(
	    conf, &conf->identities[identity], TLS_client_method(), err);
	if (ctx == NULL)
		return E_ARG;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, handshake_verify_cb, NULL);
	/* The answer to it, if any, is evidence like any other. */
	SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
	*out = ctx;
	return 0;
}

bool
tls_client_same(const struct conf *a, const struct conf *b, size_t identity)
{
	return identity < a->num_identities && identity < b->num_identities &&
	    settings_same(a, b) &&
	    identity_same(&a->identities[identity], &b->identities[identity]);
}
