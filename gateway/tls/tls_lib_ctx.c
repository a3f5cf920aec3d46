/*
 * tls_lib_ctx: a provider of our own that answers for the default one. Every
 * function it hands out is the default provider's and gets the default
 * provider's context; only the lists are shorter. Private keys, PEM and
 * parameters are read elsewhere, in the default context. What is missing
 * here could not be parsed in a peer's certificate, and would be refused.
 */
#include "gateway/tls/tls_lib_ctx.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#define TLS_LIB_PROVIDER "p2p-gateway"
#define TLS_LIB_MAX      32

/* Written once, under the pthread_once below; read by the provider. */
static struct {
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *full; /* the default context's default provider */
	OSSL_ALGORITHM decoders[TLS_LIB_MAX + 1];
	OSSL_ALGORITHM keymgmts[TLS_LIB_MAX + 1];
	OSSL_DISPATCH dispatch[3];
} tls_lib;

/* The first name of "EC:id-ecPublicKey:1.2.840.10045.2.1" is the one. */
static bool
tls_lib_is_named(const OSSL_ALGORITHM *a, const char *const *names)
{
	size_t len = strcspn(a->algorithm_names, ":");

	for (; *names != NULL; names++)
		if (strlen(*names) == len &&
		    strncmp(a->algorithm_names, *names, len) == 0)
			return true;
	return false;
}

/* Keys that certificates hold, in the structure in which they hold them. */
static bool
tls_lib_wants_decoder(const OSSL_ALGORITHM *a)
{
	static const char *const names[] = {
	    "EC", "RSA", "RSA-PSS", "ED25519", "ED448", "DSA", "SM2", NULL};

	return strstr(a->property_definition,
		   "input=der,structure=SubjectPublicKeyInfo") != NULL &&
	    tls_lib_is_named(a, names);
}

/* All but those that neither certificates nor TLS know. */
static bool
tls_lib_wants_keymgmt(const OSSL_ALGORITHM *a)
{
	static const char *const others[] = {
	    "DHX", "SCRYPT", "SIPHASH", "POLY1305", "CMAC", NULL};

	return !tls_lib_is_named(a, others);
}

/* 0 when there are too many, so that nothing is left out unseen. */
static int
tls_lib_filter(
    OSSL_ALGORITHM *out, int op, bool (*wants)(const OSSL_ALGORITHM *))
{
	int no_store = 0, num = 0;
	const OSSL_ALGORITHM *a =
	    OSSL_PROVIDER_query_operation(tls_lib.full, op, &no_store);

	if (a == NULL || no_store)
		return 0;
	for (; a->algorithm_names != NULL; a++) {
		if (!wants(a))
			continue;
		if (num == TLS_LIB_MAX)
			return 0;
		out[num++] = *a;
	}
	return num;
}

static const OSSL_ALGORITHM *
tls_lib_query(void *provctx, int op, int *no_store)
{
	(void)provctx;
	*no_store = 0;
	switch (op) {
	case OSSL_OP_DECODER:
		return tls_lib.decoders;
	case OSSL_OP_KEYMGMT:
		return tls_lib.keymgmts;
	default:
		return OSSL_PROVIDER_query_operation(
		    tls_lib.full, op, no_store);
	}
}

/* An OSSL_provider_init_fn. */
static int
tls_lib_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **provctx)
{
	const OSSL_DISPATCH *d = OSSL_PROVIDER_get0_dispatch(tls_lib.full);
	int num = 0;

	(void)handle;
	(void)in;
	for (; d != NULL && d->function_id != 0; d++)
		/* Which groups TLS has. */
		if (d->function_id == OSSL_FUNC_PROVIDER_GET_CAPABILITIES)
			tls_lib.dispatch[num++] = *d;
	if (num != 1)
		return 0;
	tls_lib.dispatch[num].function_id = OSSL_FUNC_PROVIDER_QUERY_OPERATION;
	tls_lib.dispatch[num].function = (void (*)(void))tls_lib_query;
	*out = tls_lib.dispatch;
	*provctx = OSSL_PROVIDER_get0_provider_ctx(tls_lib.full);
	return 1;
}

static int
tls_lib_is_other(OSSL_PROVIDER *prov, void *arg)
{
	bool *other = arg;

	if (strcmp(OSSL_PROVIDER_get0_name(prov), "default") != 0)
		*other = true;
	return 1;
}

/* Nothing but OpenSSL's own default provider, asked without conditions? */
static bool
tls_lib_is_plain(void)
{
	bool other = false;

	return OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) &&
	    OSSL_PROVIDER_available(NULL, "default") &&
	    OSSL_PROVIDER_do_all(NULL, tls_lib_is_other, &other) && !other &&
	    !EVP_default_properties_is_fips_enabled(NULL);
}

static void
tls_lib_make(void)
{
	OSSL_LIB_CTX *ctx;

	if (!tls_lib_is_plain())
		return;
	tls_lib.full = OSSL_PROVIDER_load(NULL, "default");
	ctx = OSSL_LIB_CTX_new();
	if (tls_lib.full != NULL && ctx != NULL &&
	    tls_lib_filter(
		tls_lib.decoders, OSSL_OP_DECODER, tls_lib_wants_decoder) > 0 &&
	    tls_lib_filter(
		tls_lib.keymgmts, OSSL_OP_KEYMGMT, tls_lib_wants_keymgmt) > 0 &&
	    OSSL_PROVIDER_add_builtin(
		ctx, TLS_LIB_PROVIDER, tls_lib_provider_init) == 1 &&
	    OSSL_PROVIDER_load(ctx, TLS_LIB_PROVIDER) != NULL) {
		tls_lib.ctx = ctx;
		return;
	}
	/* Slower, and just as good. */
	ERR_clear_error();
	OSSL_LIB_CTX_free(ctx);
}

OSSL_LIB_CTX *
tls_lib_ctx(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, tls_lib_make);
	return tls_lib.ctx;
}
