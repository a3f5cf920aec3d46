/*
 * staple: OCSP responses about our own certificates, for clients that ask for
 * them in the handshake (RFC 6066 8, RFC 8446 4.4.2.1). What is stapled was
 * verified by the engine; here it is only kept, immutable and counted, and
 * handed out while it is current.
 */
#ifndef GATEWAY_TLS_STAPLE_H
#define GATEWAY_TLS_STAPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <openssl/ssl.h>

#include "cache/base/error.h"
#include "cache/base/ref.h"
#include "revcheck/revcheck.h"

/* One response and the certificate that it is about. */
struct staple {
	struct ref ref;
	X509 *leaf;
	unsigned char *der;
	size_t len;
	time_t until; /* not to be sent at or after this */
};

/* leaf is referenced, der copied. NULL when out of memory. */
struct staple *
staple_new(X509 *leaf, const void *der, size_t len, time_t until);
struct staple *staple_up_ref(struct staple *s);
void staple_free(struct staple *s);

/*
 * Until when the response behind a GOOD answer may be sent: its nextUpdate to
 * the second, the engine's clock skew notwithstanding; where it has none, as
 * long as the policy believes it. 0: never.
 */
time_t staple_until(
    const struct revcheck_result *r, const struct revcheck_policy *policy);

/* All of them at one time: what the workers have. Counted, immutable. */
struct staples;

/* References to those of list that are not NULL. */
int staples_new(struct staples **out, struct staple *const *list, size_t num,
    struct err *err) MUST_USE;
struct staples *staples_up_ref(struct staples *s);
void staples_free(struct staples *s);

/* The one for leaf that may be sent at this time, lent; or NULL. */
const struct staple *
staples_find(const struct staples *s, X509 *leaf, time_t at);

/*
 * For SSL_CTX_set_tlsext_status_cb of a server: only called for clients that
 * ask. Runs on a handshake's small stack.
 */
int staple_status_cb(SSL *ssl, void *arg);

/* Whether a certificate says that it must be stapled (RFC 7633). */
bool staple_is_a_must(const X509 *leaf);

#endif
