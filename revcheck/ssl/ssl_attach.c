/*
 * ssl_attach: an SSL_CTX whose handshakes ask. What an SSL_CTX was given, and
 * the report of an SSL, hang on them as ex_data and go with them.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "revcheck/ssl/ssl_ask.h"
#include "revcheck/x509/certs.h"

struct attached {
	struct revcheck *rc;
	struct revcheck_ssl_options o;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ctx_index = -1, ssl_index = -1;

static void
attached_free(
    void *parent, void *p, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	struct attached *a = p;

	(void)parent, (void)ad, (void)index, (void)argl, (void)argp;
	if (a == NULL)
		return;
	revcheck_trust_free(a->o.trust);
	free(a);
}

static void
report_free_ex(
    void *parent, void *p, CRYPTO_EX_DATA *ad, int index, long argl, void *argp)
{
	(void)parent, (void)ad, (void)index, (void)argl, (void)argp;
	revcheck_report_free(p);
}

/* SSL_dup: the copy has a handshake of its own before it. */
static int
report_dup_ex(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **p,
    int index, long argl, void *argp)
{
	(void)to, (void)from, (void)index, (void)argl, (void)argp;
	*p = NULL;
	return 1;
}

static void
make_indexes(void)
{
	ctx_index =
	    SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, attached_free);
	ssl_index =
	    SSL_get_ex_new_index(0, NULL, NULL, report_dup_ex, report_free_ex);
}

/* In the handshake. */

/* CA certificates that the peer forgot to send. */
static int
add_intermediates(X509_STORE_CTX *ctx, const struct revcheck_trust *trust,
    const STACK_OF(X509) * sent, STACK_OF(X509) * *all)
{
	size_t num = revcheck_trust_num_intermediates(trust);

	*all = NULL;
	if (num == 0)
		return 1;
	*all = sent != NULL ? sk_X509_dup(sent) : sk_X509_new_null();
	for (size_t i = 0; *all != NULL && i < num; i++)
		if (sk_X509_push(
			*all, revcheck_trust_get0_intermediate(trust, i)) == 0)
			return 0;
	if (*all != NULL)
		X509_STORE_CTX_set0_untrusted(ctx, *all);
	return *all != NULL;
}

/* The verified path, leaf first, the anchor last. */
static struct revcheck_certs *
path_of(X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
	int num = sk_X509_num(path);
	struct revcheck_certs *chain = NULL;
	X509 **list = num > 0 ? calloc((size_t)num, sizeof(*list)) : NULL;

	for (int i = 0; list != NULL && i < num; i++)
		list[i] = sk_X509_value(path, i);
	if (list == NULL ||
	    revcheck_certs_from_x509(&chain, list, (size_t)num, NULL) != 0)
		chain = NULL;
	free(list);
	return chain;
}

/* What the server has stapled, if it is here already (RFC 8446 4.4.2.1). */
static int
take_staple(struct ssl_ask *ask, SSL *ssl)
{
	const unsigned char *p = NULL;
	long len =
	    SSL_is_server(ssl) ? 0 : SSL_get_tlsext_status_ocsp_resp(ssl, &p);

	if (len <= 0 || p == NULL)
		return 1;
	ask->staple = OPENSSL_memdup(p, (size_t)len);
	ask->staple_len = (size_t)len;
	return ask->staple != NULL;
}

static struct revcheck_report *
ask_about(X509_STORE_CTX *ctx, SSL *ssl, const struct attached *a)
{
	struct ssl_ask *ask = ssl_ask_new();

	if (ask == NULL)
		return NULL;
	ask->rc = a->rc;
	ask->trust = revcheck_trust_up_ref(a->o.trust);
	ask->mode = a->o.mode;
	ask->deadline_ms = a->o.deadline_ms;
	ask->purpose = SSL_is_server(ssl) ? 1 : 2;
	ask->chain = path_of(ctx);
	if (ask->chain != NULL && take_staple(ask, ssl))
		return ssl_ask_wait(ask);
	ssl_ask_free(ask);
	return NULL;
}

static void
say(const struct attached *a, SSL *ssl, const struct revcheck_report *report)
{
	if (a->o.decided != NULL)
		a->o.decided(a->o.arg, ssl, report);
}

/* Gives the old one back. */
static void
keep_report(SSL *ssl, struct revcheck_report *report)
{
	revcheck_report_free(SSL_get_ex_data(ssl, ssl_index));
	if (SSL_set_ex_data(ssl, ssl_index, report) != 1)
		revcheck_report_free(report);
}

/* Instead of OpenSSL's own: the path first, then revocation. */
static int
on_verify(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct attached *a = arg;
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
	struct revcheck_report *report = NULL;
	STACK_OF(X509) * all;
	int allowed = 0;

	keep_report(ssl, NULL);
	if (!add_intermediates(ctx, a->o.trust, sent, &all))
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_OUT_OF_MEM);
	else if (X509_verify_cert(ctx) == 1) {
		report = ask_about(ctx, ssl, a);
		/* OpenSSL makes the alert of this. */
		X509_STORE_CTX_set_error(ctx,
		    report != NULL ? revcheck_report_x509_error(report)
				   : X509_V_ERR_UNSPECIFIED);
		allowed = report != NULL && revcheck_report_allows(report);
	}
	X509_STORE_CTX_set0_untrusted(ctx, sent);
	sk_X509_free(all);
	say(a, ssl, report);
	keep_report(ssl, report);
	return allowed;
}

/* Attaching. */

static int
give(SSL_CTX *ctx, struct attached *a)
{
	struct attached *old = SSL_CTX_get_ex_data(ctx, ctx_index);
	int mode = SSL_VERIFY_PEER |
	    (a->o.optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT);

	if (SSL_CTX_set_ex_data(ctx, ctx_index, a) != 1)
		return 0;
	attached_free(NULL, old, NULL, 0, 0, NULL);
	SSL_CTX_set1_verify_cert_store(
	    ctx, revcheck_trust_get0_store(a->o.trust));
	SSL_CTX_set_verify(ctx, mode, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_verify, a);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
	return 1;
}

int
revcheck_ssl_ctx_attach(SSL_CTX *ctx, struct revcheck *rc,
    const struct revcheck_ssl_options *options, struct revcheck_error *err)
{
	struct attached *a = calloc(1, sizeof(*a));
	struct err e = {0};

	if (a == NULL)
		return error_publish(err, NULL, E_NOMEM);
	pthread_once(&once, make_indexes);
	memcpy(&a->o, options,
	    options->size != 0 && options->size < sizeof(a->o) ? options->size
							       : sizeof(a->o));
	a->rc = rc;
	if (a->o.trust == NULL) {
		free(a);
		return error_publish(err, &e,
		    err_set(&e, E_ARG,
			"no trust is given: expected the anchors that vouch "
			"for peers"));
	}
	revcheck_trust_up_ref(a->o.trust);
	if (ctx_index >= 0 && ssl_index >= 0 && give(ctx, a))
		return 0;
	attached_free(NULL, a, NULL, 0, 0, NULL);
	return error_publish(err, NULL, E_NOMEM);
}

const struct revcheck_report *
revcheck_ssl_get0_report(const SSL *ssl)
{
	return ssl_index >= 0 ? SSL_get_ex_data(ssl, ssl_index) : NULL;
}
