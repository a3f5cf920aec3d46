/*
 * runtime: takes over what the runtime before has and makes the rest, sockets
 * included. Runs on main's thread; what it makes is only read by the workers.
 */
#include "gateway/dataplane/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf.h"
#include "gateway/tls/path_cache.h"
#include "gateway/tls/tls_context.h"

/* Paths kept: 56 bytes each, beside certificates that are shared. */
#define RUNTIME_PATHS_MAX 65536

/* The trust: the one before, where it has the same anchors. */

static bool
intermediates_same(
    const struct revcheck_trust *a, const struct revcheck_trust *b)
{
	size_t num = revcheck_trust_num_intermediates(a);

	if (num != revcheck_trust_num_intermediates(b))
		return false;
	for (size_t i = 0; i < num; i++)
		if (X509_cmp(revcheck_trust_get0_intermediate(a, i),
			revcheck_trust_get0_intermediate(b, i)) != 0)
			return false;
	return true;
}

static bool
anchors_same(struct revcheck_trust *a, struct revcheck_trust *b)
{
	STACK_OF(X509_OBJECT) * x, *y;

	if (a == b || a == NULL || b == NULL)
		return a == b;
	if (!intermediates_same(a, b))
		return false;
	x = X509_STORE_get0_objects(revcheck_trust_get0_store(a));
	y = X509_STORE_get0_objects(revcheck_trust_get0_store(b));
	if (sk_X509_OBJECT_num(x) != sk_X509_OBJECT_num(y))
		return false;
	for (int i = 0; i < sk_X509_OBJECT_num(x); i++) {
		X509 *p = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(x, i));
		X509 *q = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(y, i));

		if (p == NULL || q == NULL || (p != q && X509_cmp(p, q) != 0))
			return false;
	}
	return true;
}

/* Paths hold under one trust and one strength; so does what is remembered. */
static int
runtime_make_trust(
    struct runtime *f, const struct runtime *old, struct err *err)
{
	struct revcheck_trust *trust = f->conf->trust;
	int level = f->conf->policy.security_level;

	if (trust == NULL && f->conf->tls.type != CONF_TLS_ONE_WAY)
		return err_set(
		    err, E_ARG, "no trust anchors: nobody could be let in");
	if (old != NULL && anchors_same(old->trust, trust)) {
		trust = old->trust;
		if (old->conf->policy.security_level == level)
			f->paths = path_cache_up_ref(old->paths);
	}
	if (trust != NULL)
		f->trust = revcheck_trust_up_ref(trust);
	if (f->paths != NULL)
		return 0;
	f->num_memories_made++;
	return path_cache_new(&f->paths, RUNTIME_PATHS_MAX, err);
}

static int
runtime_make_server(
    struct runtime *f, const struct runtime *old, struct err *err)
{
	struct tls_server *before = old != NULL ? old->server : NULL;
	int rc = tls_server_new(&f->server, f->conf, before, err);

	if (rc == 0 && f->server != before)
		f->num_contexts_made++;
	return rc;
}

static int
runtime_make_client(struct runtime *f, const struct runtime *old,
    size_t identity, struct err *err)
{
	SSL_CTX *ctx;
	int rc;

	if (identity < f->conf->num_identities && f->clients[identity] != NULL)
		return 0;
	if (old != NULL && tls_client_same(old->conf, f->conf, identity) &&
	    old->clients[identity] != NULL) {
		f->clients[identity] = old->clients[identity];
		SSL_CTX_up_ref(f->clients[identity]);
		return 0;
	}
	rc = tls_client_ctx_new(&ctx, f->conf, identity, err);
	if (rc != 0)
		return rc;
	f->clients[identity] = ctx;
	f->num_contexts_made++;
	return 0;
}

static int
runtime_make_clients(
    struct runtime *f, const struct runtime *old, struct err *err)
{
	const struct conf *conf = f->conf;
	int rc;

	f->clients = calloc(conf->num_identities + 1, sizeof(*f->clients));
	if (f->clients == NULL)
		return err_set(err, E_NOMEM, "cannot set up links");
	for (size_t i = 0; i < conf->num_links; i++) {
		rc = runtime_make_client(f, old, conf->links[i].identity, err);
		if (rc != 0)
			return rc;
	}
	if (conf->connect.listen.text == NULL)
		return 0;
	return runtime_make_client(f, old, conf->connect.identity, err);
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
	f->routes.below = conf->profile == CONF_HTTP_ANY;
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
		return err_set(err, E_NOMEM, "out of memory");
	ref_init(&f->ref);
	f->conf = conf_up_ref(conf);
	f->num_workers = num_workers;
	rc = runtime_make_trust(f, old, err);
	if (rc == 0)
		rc = runtime_make_server(f, old, err);
	if (rc == 0)
		rc = runtime_make_clients(f, old, err);
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
	tls_server_free(f->server);
	path_cache_free(f->paths);
	revcheck_trust_free(f->trust);
	conf_free(f->conf);
	free(f);
}
