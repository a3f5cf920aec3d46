/*
 * tls_lib_ctx: a provider of our own that answers for the default one. Every
 * function it hands out is the default provider's and gets the default
 * provider's context; only the lists are shorter. Private keys, PEM and
 * parameters are read elsewhere, in the default context. What is missing here
 * could not be parsed in a peer's certificate, and would be refused.
 */
#include "gateway/tls/tls_lib_ctx.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>

#include "gateway/tls/tls_sigs.h"

#define TLS_LIB_PROVIDER "p2p-gateway"
#define TLS_LIB_MAX      32

/* Operations whose list is shorter here. */
enum tls_lib_list {
	TLS_LIB_DECODERS,
	TLS_LIB_KEYMGMTS,
	TLS_LIB_CIPHERS,
	TLS_LIB_MACS,
	TLS_LIB_KDFS,
	TLS_LIB_DIGESTS,
	TLS_LIB_EXCHANGES,
	TLS_LIB_SIGNATURES,
	TLS_LIB_RANDS,
	TLS_LIB_NUM_LISTS
};

/* Written once, under the pthread_once below; read by the provider. */
static struct {
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *full; /* the default context's default provider */
	OSSL_ALGORITHM lists[TLS_LIB_NUM_LISTS][TLS_LIB_MAX + 1];
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

/*
 * Keys that certificates hold, in the structure in which they hold them. That
 * of EC reads SM2 keys as well; SM2's own would read each EC key in vain.
 */
static bool
tls_lib_wants_decoder(const OSSL_ALGORITHM *a)
{
	static const char *const names[] = {
	    "EC", "RSA", "RSA-PSS", "ED25519", "ED448", "DSA", NULL};

	return strstr(a->property_definition,
		   "input=der,structure=SubjectPublicKeyInfo") != NULL &&
	    tls_lib_is_named(a, names);
}

/* All but those that neither certificates nor TLS know. */
static bool
tls_lib_wants_keymgmt(const OSSL_ALGORITHM *a)
{
	static const char *const others[] = {"DHX", "SCRYPT", "SIPHASH",
	    "POLY1305", "CMAC", "HKDF", "TLS1-PRF", NULL};

	return !tls_lib_is_named(a, others);
}

/* Those of cipher suites, and of the fast way through them. */
static bool
tls_lib_wants_cipher(const OSSL_ALGORITHM *a)
{
	static const char *const names[] = {"AES-128-GCM", "AES-256-GCM",
	    "ChaCha20-Poly1305", "AES-128-CCM", "AES-256-CCM", "ARIA-128-GCM",
	    "ARIA-256-GCM", "AES-128-CBC", "AES-256-CBC",
	    "AES-128-CBC-HMAC-SHA1", "AES-256-CBC-HMAC-SHA1",
	    "AES-128-CBC-HMAC-SHA256", "AES-256-CBC-HMAC-SHA256",
	    "CAMELLIA-128-CBC", "CAMELLIA-256-CBC", "DES-EDE3-CBC", "NULL",
	    NULL};

	return tls_lib_is_named(a, names);
}

static bool
tls_lib_wants_mac(const OSSL_ALGORITHM *a)
{
	static const char *const names[] = {"HMAC", NULL};

	return tls_lib_is_named(a, names);
}

static bool
tls_lib_wants_kdf(const OSSL_ALGORITHM *a)
{
	static const char *const names[] = {
	    "HKDF", "TLS13-KDF", "TLS1-PRF", NULL};

	return tls_lib_is_named(a, names);
}

/* Certificates may be signed with any but these, which are parts of others. */
static bool
tls_lib_wants_digest(const OSSL_ALGORITHM *a)
{
	static const char *const others[] = {
	    "KECCAK-KMAC-128", "KECCAK-KMAC-256", "NULL", NULL};

	return !tls_lib_is_named(a, others);
}

/* These are KDFs in the form of a key exchange. */
static bool
tls_lib_wants_exchange(const OSSL_ALGORITHM *a)
{
	static const char *const others[] = {
	    "TLS1-PRF", "HKDF", "SCRYPT", NULL};

	return !tls_lib_is_named(a, others);
}

/* These are MACs in the form of a signature; TLS has HMAC in it. */
static bool
tls_lib_wants_signature(const OSSL_ALGORITHM *a)
{
	static const char *const others[] = {
	    "SIPHASH", "POLY1305", "CMAC", NULL};

	return !tls_lib_is_named(a, others);
}

/* Without openssl.cnf's say, which is of the default context. */
static bool
tls_lib_wants_rand(const OSSL_ALGORITHM *a)
{
	static const char *const names[] = {"CTR-DRBG", "SEED-SRC", NULL};

	return tls_lib_is_named(a, names);
}

/*
 * OpenSSL 3.0 copies the list of everything that the context has for each
 * key that it reads.
 */
static const struct {
	int op;
	bool (*wants)(const OSSL_ALGORITHM *);
} tls_lib_lists[TLS_LIB_NUM_LISTS] = {
    [TLS_LIB_DECODERS] = {OSSL_OP_DECODER, tls_lib_wants_decoder},
    [TLS_LIB_KEYMGMTS] = {OSSL_OP_KEYMGMT, tls_lib_wants_keymgmt},
    [TLS_LIB_CIPHERS] = {OSSL_OP_CIPHER, tls_lib_wants_cipher},
    [TLS_LIB_MACS] = {OSSL_OP_MAC, tls_lib_wants_mac},
    [TLS_LIB_KDFS] = {OSSL_OP_KDF, tls_lib_wants_kdf},
    [TLS_LIB_DIGESTS] = {OSSL_OP_DIGEST, tls_lib_wants_digest},
    [TLS_LIB_EXCHANGES] = {OSSL_OP_KEYEXCH, tls_lib_wants_exchange},
    [TLS_LIB_SIGNATURES] = {OSSL_OP_SIGNATURE, tls_lib_wants_signature},
    [TLS_LIB_RANDS] = {OSSL_OP_RAND, tls_lib_wants_rand},
};

/* False when there are too many, so that nothing is left out unseen. */
static bool
tls_lib_filter(enum tls_lib_list list)
{
	int no_store = 0, num = 0;
	const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(
	    tls_lib.full, tls_lib_lists[list].op, &no_store);

	if (a == NULL || no_store)
		return false;
	for (; a->algorithm_names != NULL; a++) {
		if (!tls_lib_lists[list].wants(a))
			continue;
		if (num == TLS_LIB_MAX)
			return false;
		tls_lib.lists[list][num++] = *a;
	}
	return num > 0;
}

static bool
tls_lib_filter_all(void)
{
	for (int i = 0; i < TLS_LIB_NUM_LISTS; i++)
		if (!tls_lib_filter((enum tls_lib_list)i))
			return false;
	return true;
}

/* Slower, and just as good, where it cannot be. */
static void
tls_lib_remember_signatures(void)
{
	static const char *const keys[] = {"EC", NULL},
				 *const sigs[] = {"ECDSA", NULL};
	const OSSL_ALGORITHM *ec = tls_lib.lists[TLS_LIB_KEYMGMTS];
	OSSL_ALGORITHM *ecdsa = tls_lib.lists[TLS_LIB_SIGNATURES];

	while (ec->algorithm_names != NULL && !tls_lib_is_named(ec, keys))
		ec++;
	while (ecdsa->algorithm_names != NULL && !tls_lib_is_named(ecdsa, sigs))
		ecdsa++;
	if (ec->algorithm_names != NULL && ecdsa->algorithm_names != NULL)
		(void)tls_sigs_wrap(ecdsa, ec);
}

static const OSSL_ALGORITHM *
tls_lib_query(void *provctx, int op, int *no_store)
{
	(void)provctx;
	/* An SSL_CTX asks once for its ciphers, and keeps them. */
	*no_store = op == OSSL_OP_CIPHER;
	for (int i = 0; i < TLS_LIB_NUM_LISTS; i++)
		if (tls_lib_lists[i].op == op)
			return tls_lib.lists[i];
	return OSSL_PROVIDER_query_operation(tls_lib.full, op, no_store);
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
	tls_lib_remember_signatures();
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

/*
 * OpenSSL makes all functions of an operation when the first of them is asked
 * for, and never looks again for one that it had no memory for: without this, a
 * moment without memory at the first handshake would refuse every peer for as
 * long as the process lives.
 */
static bool
tls_lib_make_functions(OSSL_LIB_CTX *ctx)
{
	OSSL_DECODER *decoder = OSSL_DECODER_fetch(ctx, "EC", NULL);
	EVP_KEYMGMT *keys = EVP_KEYMGMT_fetch(ctx, "EC", NULL);
	EVP_MAC *mac = EVP_MAC_fetch(ctx, "HMAC", NULL);
	EVP_KDF *kdf = EVP_KDF_fetch(ctx, "HKDF", NULL);
	EVP_MD *digest = EVP_MD_fetch(ctx, "SHA256", NULL);
	EVP_KEYEXCH *exchange = EVP_KEYEXCH_fetch(ctx, "ECDH", NULL);
	EVP_SIGNATURE *signature = EVP_SIGNATURE_fetch(ctx, "ECDSA", NULL);
	EVP_RAND *rand = EVP_RAND_fetch(ctx, "CTR-DRBG", NULL);
	bool ok = decoder != NULL && keys != NULL && mac != NULL &&
	    kdf != NULL && digest != NULL && exchange != NULL &&
	    signature != NULL && rand != NULL;

	OSSL_DECODER_free(decoder);
	EVP_KEYMGMT_free(keys);
	EVP_MAC_free(mac);
	EVP_KDF_free(kdf);
	EVP_MD_free(digest);
	EVP_KEYEXCH_free(exchange);
	EVP_SIGNATURE_free(signature);
	EVP_RAND_free(rand);
	return ok;
}

static void
tls_lib_make(void)
{
	OSSL_LIB_CTX *ctx;

	if (!tls_lib_is_plain())
		return;
	tls_lib.full = OSSL_PROVIDER_load(NULL, "default");
	ctx = OSSL_LIB_CTX_new();
	if (tls_lib.full != NULL && ctx != NULL && tls_lib_filter_all() &&
	    OSSL_PROVIDER_add_builtin(
		ctx, TLS_LIB_PROVIDER, tls_lib_provider_init) == 1 &&
	    OSSL_PROVIDER_load(ctx, TLS_LIB_PROVIDER) != NULL &&
	    tls_lib_make_functions(ctx)) {
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
