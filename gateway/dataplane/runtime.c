/*
 * runtime: builds TLS contexts and binds sockets from a configuration. Runs on
 * main's thread; what it makes is only read by the workers.
 *
 * Session resumption would skip the verify callback and carry no chain, so it
 * is off in every context, both ways: no cache, no tickets.
 */
#include "gateway/dataplane/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf.h"
#include "gateway/tls/handshake.h"
#include "gateway/tls/sni_index.h"
#include "gateway/tls/path_cache.h"
#include "gateway/tls/tls_lib_ctx.h"
#include "gateway/tls/staple.h"

/* Paths kept: 56 bytes each, beside certificates that are shared. */
#define RUNTIME_PATHS_MAX 65536

/* Bytes of Certificate message a peer may send. */
#define RUNTIME_CERT_LIST_MAX (100 * 1024)

static STACK_OF(X509) * runtime_issuers(const struct conf_identity *id)
{
	STACK_OF(X509) *sk = sk_X509_new_null();

	for (size_t i = 1; sk != NULL && i < id->num_chain; i++)
		if (!sk_X509_push(sk, id->chain[i])) {
			sk_X509_free(sk);
			sk = NULL;
		}
	return sk;
}

/* What both directions have in common. */
static SSL_CTX *
runtime_ctx(const struct conf *conf, const struct conf_identity *id,
    const SSL_METHOD *method, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(tls_lib_ctx(), NULL, method);
	STACK_OF(X509) *issuers = runtime_issuers(id);
	int level = conf->policy.security_level;
	X509_VERIFY_PARAM *param;

	if (ctx == NULL || issuers == NULL)
		goto fail;
	/* First: an identity that is too weak for it is refused here. */
	level = level == 0 ? 1 : level < 0 ? 0 : level;
	SSL_CTX_set_security_level(ctx, level);
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
	SSL_CTX_set_max_cert_list(ctx, RUNTIME_CERT_LIST_MAX);
	if (!SSL_CTX_set_num_tickets(ctx, 0) ||
	    !SSL_CTX_set_min_proto_version(ctx, conf->tls.min_version) ||
	    !SSL_CTX_set_max_proto_version(ctx, conf->tls.max_version) ||
	    !SSL_CTX_set_ciphersuites(ctx, conf->tls.ciphersuites) ||
	    (conf->tls.ciphers != NULL &&
		!SSL_CTX_set_cipher_list(ctx, conf->tls.ciphers)) ||
	    !SSL_CTX_use_cert_and_key(ctx, id->chain[0], id->key, issuers, 1))
		goto fail;
	param = SSL_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_auth_level(param, level);
	/* Any certificate of the trust ends a path, self-signed or not. */
	if (!X509_VERIFY_PARAM_set_flags(
		param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST))
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

/* Another certificate for the name the peer asked for, before ours is sent. */
static int
runtime_choose_identity(SSL *ssl, void *arg)
{
	const struct runtime *f = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	size_t i = sni_find(f->names, name);
	const struct conf_identity *id = &f->conf->identities[i];
	STACK_OF(X509) * issuers;
	int ok;

	if (i == 0)
		return 1;
	/*
	 * OpenSSL keeps one certificate a kind of key: the default one would
	 * stay beside one of another kind, and could be chosen instead.
	 */
	SSL_certs_clear(ssl);
	issuers = runtime_issuers(id);
	ok = issuers != NULL &&
	    SSL_use_cert_and_key(ssl, id->chain[0], id->key, issuers, 1) == 1;
	sk_X509_free(issuers);
	return ok;
}

static int
runtime_make_server(struct runtime *f, struct err *err)
{
	static const unsigned char sid_ctx[] = "p2p-gateway";
	const struct conf *conf = f->conf;

	if (conf->num_identities == 0)
		return err_set(err, E_ARG,
		    "no identity: a listener needs a certificate and key");
	f->server =
	    runtime_ctx(conf, &conf->identities[0], TLS_server_method(), err);
	if (f->server == NULL)
		return E_ARG;
	if (SSL_CTX_set_session_id_context(
		f->server, sid_ctx, sizeof(sid_ctx) - 1) != 1)
		return err_ossl(err, E_INTERNAL, "cannot set up TLS");
	if (conf->num_identities > 1)
		SSL_CTX_set_cert_cb(f->server, runtime_choose_identity, f);
	if (conf->own.staple)
		SSL_CTX_set_tlsext_status_cb(f->server, staple_status_cb);
	if (conf->tls.type == CONF_TLS_ONE_WAY) {
		SSL_CTX_set_verify(f->server, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	SSL_CTX_set_verify(
	    f->server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(f->server, handshake_verify_cb, NULL);
	if (conf->trust == NULL)
		return err_set(
		    err, E_ARG, "no trust anchors: nobody could be let in");
	if (!SSL_CTX_set1_verify_cert_store(
		f->server, revcheck_trust_get0_store(conf->trust)))
		return err_ossl(err, E_INTERNAL, "cannot set up TLS");
	return 0;
}

static int
runtime_make_client(struct runtime *f, size_t identity, struct err *err)
{
	const struct conf *conf = f->conf;
	SSL_CTX *ctx;

	if (identity >= conf->num_identities)
		return err_set(err, E_ARG,
		    "a link needs an identity of its own: there are %zu",
		    conf->num_identities);
	if (f->clients[identity] != NULL)
		return 0;
	ctx = runtime_ctx(
	    conf, &conf->identities[identity], TLS_client_method(), err);
	if (ctx == NULL)
		return E_ARG;
	f->clients[identity] = ctx;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, handshake_verify_cb, NULL);
	/* The answer to it, if any, is evidence like any other. */
	SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
	return 0;
}

static int
runtime_make_clients(struct runtime *f, struct err *err)
{
	const struct conf *conf = f->conf;
	int rc;

	f->clients = calloc(conf->num_identities + 1, sizeof(*f->clients));
	if (f->clients == NULL)
		return err_set(err, E_NOMEM, "cannot set up links");
	for (size_t i = 0; i < conf->num_links; i++) {
		rc = runtime_make_client(f, conf->links[i].identity, err);
		if (rc != 0)
			return rc;
	}
	if (conf->connect.listen.text == NULL)
		return 0;
	return runtime_make_client(f, conf->connect.identity, err);
}

/* "127.0.0.1:8080", "[::1]:8080" as bound; 0 for a Unix socket. */
static uint16_t
runtime_port_of(const struct listen_socket *b)
{
	const char *colon = strrchr(b->address, ':');

	if (strncmp(b->address, "unix", 4) == 0 || colon == NULL)
		return 0;
	return (uint16_t)strtoul(colon + 1, NULL, 10);
}

static int
runtime_make_routes(struct runtime *f, struct err *err)
{
	const struct conf_http *conf = &f->conf->http;
	size_t num_paths = conf->enabled ? conf->num_paths : 0, num_ports = 0;
	struct http_path *paths = calloc(num_paths + 1, sizeof(*paths));
	uint16_t *ports = calloc(f->ports.num + 1, sizeof(*ports));
	int rc = E_NOMEM;

	if (paths == NULL || ports == NULL) {
		err_set(err, rc, "cannot set up HTTP paths");
		goto out;
	}
	for (size_t i = 0; i < num_paths; i++)
		paths[i] = (struct http_path){
		    .path = conf->paths[i].path, .port = conf->paths[i].port};
	for (size_t i = 0; i < f->ports.num; i++)
		if (f->ports.p[i].http)
			ports[num_ports++] =
			    runtime_port_of(f->ports.p[i].bound);
	rc = http_routes_init(
	    &f->routes, paths, num_paths, ports, num_ports, err);
out:
	free(paths);
	free(ports);
	return rc;
}

int
runtime_new(struct runtime **out, struct conf *conf, struct runtime *old,
    size_t num_workers, const struct sd_listen *activation, struct err *err)
{
	static const struct listen_set none;
	struct runtime *f = calloc(1, sizeof(*f));
	int rc = E_NOMEM;

	*out = NULL;
	if (f == NULL)
		return err_set(err, E_NOMEM, "cannot set up the door");
	ref_init(&f->ref);
	f->conf = conf_up_ref(conf);
	f->num_workers = num_workers;
	rc = sni_index_new(&f->names, conf, err);
	if (rc == 0)
		rc = path_cache_new(&f->paths, RUNTIME_PATHS_MAX, err);
	if (rc == 0)
		rc = runtime_make_server(f, err);
	if (rc == 0)
		rc = runtime_make_clients(f, err);
	if (rc == 0 && num_workers > 0)
		rc = listen_set_new(&f->ports, conf,
		    old != NULL ? &old->ports : &none, num_workers, activation,
		    err);
	if (rc == 0)
		rc = runtime_make_routes(f, err);
	if (rc != 0) {
		runtime_free(f);
		return rc;
	}
	*out = f;
	return 0;
}

struct runtime *
runtime_up_ref(struct runtime *f)
{
	ref_up(&f->ref);
	return f;
}

void
runtime_free(struct runtime *f)
{
	if (f == NULL || !ref_down(&f->ref))
		return;
	listen_set_cleanup(&f->ports);
	http_routes_cleanup(&f->routes);
	for (size_t i = 0; f->clients != NULL && i < f->conf->num_identities;
	     i++)
		SSL_CTX_free(f->clients[i]);
	free(f->clients);
	SSL_CTX_free(f->server);
	path_cache_free(f->paths);
	sni_index_free(f->names);
	conf_free(f->conf);
	free(f);
}
