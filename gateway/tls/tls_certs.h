/*
 * tls_certs: certificates of peers, parsed once. OpenSSL parses each
 * certificate of each Certificate message anew, which is a fifth of what the
 * handshake of a peer that comes again costs. The program links this room's
 * tls_certs_d2i as d2i_X509 (see the Makefile), which libssl then calls: for a
 * message that is read while a handshake is driven here, it hands out another
 * reference to the certificate that came before in the same bytes, all of them.
 * Everything else goes to OpenSSL's own function. Where libssl does not get
 * here it parses as ever.
 *
 * A certificate is no verdict: path, dates, signatures and revocation are
 * looked at as ever. X509 objects do not change once they are read.
 *
 * Each thread has a memory of its own, of TLS_CERTS_MAX certificates, of which
 * the one not used for longest gives way, and nothing is shared but counts of
 * references. What strangers send is not remembered: a certificate is kept only
 * once its peer has been let in.
 */
#ifndef GATEWAY_TLS_TLS_CERTS_H
#define GATEWAY_TLS_TLS_CERTS_H

#include <stddef.h>

#include <openssl/x509.h>

#define TLS_CERTS_MAX 256
/* Longer ones, and what a peer sends beyond so many, are parsed each time. */
#define TLS_CERTS_DER_MAX 2048
#define TLS_CERTS_EACH    6

struct tls_cert;

/* What one peer has sent that was not known. Zeroed is empty. */
struct tls_certs {
	struct tls_cert *v[TLS_CERTS_EACH];
	size_t num;
};

/*
 * Between the two, what libssl parses on this thread is looked up, and what is
 * not known goes to *sent. Not nested.
 */
void tls_certs_enter(struct tls_certs *sent);
void tls_certs_leave(void);

/* Its peer is let in: this thread remembers it. *sent is empty afterwards. */
void tls_certs_keep(struct tls_certs *sent);
/* It is not. *sent is empty afterwards. */
void tls_certs_drop(struct tls_certs *sent);

/*
 * The calling thread forgets those that have not come again: a crowd that has
 * gone has put them there. Each lies in many pieces between what connections
 * had.
 */
void tls_certs_trim(void);

/* d2i_X509(3), for the linker. */
X509 *tls_certs_d2i(X509 **a, const unsigned char **in, long len)
    __attribute__((visibility("default")));

/* Of the calling thread, for tests. */
struct tls_certs_stats {
	unsigned long found, missed;
	size_t kept;
};
void tls_certs_stats(struct tls_certs_stats *out);

#endif
