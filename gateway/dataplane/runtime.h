/*
 * runtime: everything that one configuration means for the data plane, made
 * before anything changes and immutable after: TLS contexts, the index of
 * server names, listening sockets, and the memory of verified paths. Counted;
 * each worker and each connection holds a reference. Its parts are counted,
 * too, and stay the same from one runtime to the next for as long as what they
 * come from is the same: a change of one allowed subject makes none anew.
 */
#ifndef GATEWAY_DATAPLANE_RUNTIME_H
#define GATEWAY_DATAPLANE_RUNTIME_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"
#include "gateway/http1/http_routes.h"
#include "gateway/dataplane/listen_set.h"
#include "revcheck/revcheck.h"

struct sd_listen;
struct conf;
struct path_cache;
struct tls_server;

struct runtime {
	struct ref ref;
	struct conf *conf;
	struct revcheck_trust *trust; /* conf's, or an equal; NULL: none */
	struct tls_server *server;    /* identities chosen by SNI */
	SSL_CTX **clients;            /* one an identity, NULL where not used */
	struct path_cache *paths;     /* remembered; itself locked */
	struct listen_set ports;
	struct http_routes routes;
	unsigned num_contexts_made; /* of server and clients: made anew */
	unsigned num_memories_made; /* likewise of paths */
	size_t num_workers; /* sockets an address; fixed for the process */
};

/*
 * runtime_new builds all of it or nothing. Sockets of `old` (may be NULL) are
 * taken over where the address is the same, other parts where they would be the
 * same; those of activation (may be NULL)
 * come first. num_workers 0 binds nothing.
 */
int runtime_new(struct runtime **out, struct conf *conf, struct runtime *old,
    size_t num_workers, const struct sd_listen *activation,
    struct err *err) MUST_USE;
struct runtime *runtime_up_ref(struct runtime *f);
void runtime_free(struct runtime *f);

#endif
