/*
 * authorize: may the peer that a proxy has met come in? The proxy has seen in
 * its own handshake that the peer holds the key; who the peer is stands in a
 * header. Judged as a TLS peer of the gateway's own is: path, purpose,
 * denylist, allowed subjects, revocation under the policy in force. Without a
 * certificate nobody comes in, whatever tls.type says. Each answer is counted
 * and kept among the decisions. Control thread; never waits.
 */
#ifndef GATEWAY_AUTHORIZE_AUTHORIZE_H
#define GATEWAY_AUTHORIZE_AUTHORIZE_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "cache/base/bytes.h"
#include "cache/base/error.h"
#include "gateway/http1/http_head.h"

struct authorizer;
struct authorize;
struct conf;
struct decision_ring;
struct services;

/* services and decisions are borrowed and must outlive it. */
int authorizer_new(struct authorizer **out, const struct services *services,
    struct decision_ring *decisions, struct err *err) MUST_USE;
/* Every question must be over. NULL is fine. */
void authorizer_free(struct authorizer *a);

/* Zeroed: refused. */
struct authorize_answer {
	bool allowed;
	const char *status; /* "good", "revoked", "no-certificate", ... */
	const char *reason; /* a sentence of printable ASCII */
	X509 *leaf;         /* NULL: there is none to speak of */
};

/* Called once; the answer is lent for the call. */
typedef void authorize_fn(void *arg, const struct authorize_answer *answer);

/*
 * authorize_ask judges by conf, the configuration in force. head is that of the
 * proxy's request, from who asks. NULL: fn has been called. Else fn is called
 * later, at the latest after authorize.deadline_ms, unless authorize_cancel
 * comes before.
 */
struct authorize *authorize_ask(struct authorizer *a, struct conf *conf,
    const struct http_head *head, const char *from, authorize_fn *fn,
    void *arg);
/* NULL is fine. */
void authorize_cancel(struct authorize *q);

/*
 * authorize_put appends the whole HTTP answer: 204, or 403 with the reason in
 * header and body; to HEAD without the body. E_NOMEM, E_LIMIT.
 */
int authorize_put(struct bytes *out, const struct authorize_answer *answer,
    bool head_only, bool close) MUST_USE;

#endif
