/*
 * tls_sigs: a set-associative table of digests a thread. OpenSSL verifies a
 * certificate in one call, which the default provider's ECDSA leaves to be made
 * of an update and an end; here it has a function of its own, between whose
 * beginning and end nothing else may have been done with the context.
 */
#include "gateway/tls/tls_sigs.h"

#include <stdint.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define TLS_SIGS_WAYS    4
#define TLS_SIGS_SETS    (TLS_SIGS_MAX / TLS_SIGS_WAYS)
#define TLS_SIGS_FNS_MAX 31
#define TLS_SIGS_MD_LEN  32
/* A point of P-521, uncompressed. */
#define TLS_SIGS_POINT_MAX 133
#define TLS_SIGS_NAME_MAX  32

struct tls_sig {
	uint64_t used; /* 0: free */
	uint8_t md[TLS_SIGS_MD_LEN];
};

/* A verification that has begun on this thread. */
struct tls_sigs_begun {
	void *ctx; /* NULL: none, or none that is known */
	void *key;
	char digest[TLS_SIGS_NAME_MAX];
};

/* Written by tls_sigs_wrap. */
static OSSL_DISPATCH tls_sigs_fns[TLS_SIGS_FNS_MAX + 1];
static struct {
	OSSL_FUNC_signature_digest_verify_init_fn *init;
	OSSL_FUNC_signature_digest_verify_update_fn *update;
	OSSL_FUNC_signature_digest_verify_final_fn *final;
	OSSL_FUNC_signature_freectx_fn *freectx;
	OSSL_FUNC_signature_set_ctx_params_fn *set_params;
	OSSL_FUNC_signature_set_ctx_md_params_fn *set_md_params;
	OSSL_FUNC_keymgmt_get_params_fn *key_params;
} tls_sigs_full; /* the default ones */

static _Thread_local struct tls_sigs_begun tls_sigs_begun;
static _Thread_local struct {
	uint64_t clock;
	struct tls_sigs_stats stats;
	struct tls_sig sets[TLS_SIGS_SETS][TLS_SIGS_WAYS];
} tls_sigs;

/* The memory. */

static struct tls_sig *
tls_sigs_set_of(const uint8_t md[TLS_SIGS_MD_LEN])
{
	uint64_t h;

	memcpy(&h, md, sizeof(h));
	return tls_sigs.sets[h % TLS_SIGS_SETS];
}

static bool
tls_sigs_find(const uint8_t md[TLS_SIGS_MD_LEN])
{
	struct tls_sig *set = tls_sigs_set_of(md);

	for (size_t i = 0; i < TLS_SIGS_WAYS; i++)
		if (set[i].used != 0 &&
		    memcmp(set[i].md, md, TLS_SIGS_MD_LEN) == 0) {
			set[i].used = ++tls_sigs.clock;
			tls_sigs.stats.found++;
			return true;
		}
	tls_sigs.stats.missed++;
	return false;
}

/* In the place of the one not used for longest. */
static void
tls_sigs_add(const uint8_t md[TLS_SIGS_MD_LEN])
{
	struct tls_sig *set = tls_sigs_set_of(md), *place = set;

	for (size_t i = 1; i < TLS_SIGS_WAYS; i++)
		if (set[i].used < place->used)
			place = &set[i];
	if (place->used == 0)
		tls_sigs.stats.kept++;
	place->used = ++tls_sigs.clock;
	memcpy(place->md, md, TLS_SIGS_MD_LEN);
}

/* Of all that goes into it; each part with its length before it. */

static bool
tls_sigs_put(EVP_MD_CTX *ctx, const void *p, size_t len)
{
	uint64_t n = len;

	return EVP_DigestUpdate(ctx, &n, sizeof(n)) == 1 &&
	    EVP_DigestUpdate(ctx, p, len) == 1;
}

/* False: of a curve without a name, or no memory. */
static bool
tls_sigs_put_key(EVP_MD_CTX *ctx, void *key)
{
	char group[TLS_SIGS_NAME_MAX] = "";
	uint8_t point[TLS_SIGS_POINT_MAX];
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group)),
	    OSSL_PARAM_construct_octet_string(
		OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof(point)),
	    OSSL_PARAM_construct_end()};

	return tls_sigs_full.key_params(key, params) == 1 &&
	    OSSL_PARAM_modified(&params[0]) && params[0].return_size > 0 &&
	    params[0].return_size < sizeof(group) &&
	    OSSL_PARAM_modified(&params[1]) && params[1].return_size > 0 &&
	    params[1].return_size <= sizeof(point) &&
	    tls_sigs_put(ctx, group, params[0].return_size) &&
	    tls_sigs_put(ctx, point, params[1].return_size);
}

static bool
tls_sigs_digest(uint8_t md[TLS_SIGS_MD_LEN], const struct tls_sigs_begun *b,
    const unsigned char *sig, size_t sig_len, const unsigned char *tbs,
    size_t tbs_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	/* Who asks is not to find an error where there is an answer. */
	ERR_set_mark();
	ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    tls_sigs_put_key(ctx, b->key) &&
	    tls_sigs_put(ctx, b->digest, strlen(b->digest)) &&
	    tls_sigs_put(ctx, tbs, tbs_len) &&
	    tls_sigs_put(ctx, sig, sig_len) &&
	    EVP_DigestFinal_ex(ctx, md, NULL) == 1;
	ERR_pop_to_mark();
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* The functions of ECDSA. */

static int
tls_sigs_init(
    void *ctx, const char *digest, void *key, const OSSL_PARAM params[])
{
	int ok = tls_sigs_full.init(ctx, digest, key, params);

	tls_sigs_begun.ctx = NULL;
	if (ok == 1 && key != NULL && digest != NULL &&
	    strlen(digest) < sizeof(tls_sigs_begun.digest) &&
	    (params == NULL || params->key == NULL)) {
		tls_sigs_begun.ctx = ctx;
		tls_sigs_begun.key = key; /* ctx has a reference */
		strcpy(tls_sigs_begun.digest, digest);
	}
	return ok;
}

static int
tls_sigs_update(void *ctx, const unsigned char *p, size_t len)
{
	tls_sigs_begun.ctx = NULL;
	return tls_sigs_full.update(ctx, p, len);
}

/* An OSSL_FUNC_signature_digest_verify_fn. */
static int
tls_sigs_verify(void *ctx, const unsigned char *sig, size_t sig_len,
    const unsigned char *tbs, size_t tbs_len)
{
	struct tls_sigs_begun b = tls_sigs_begun;
	uint8_t md[TLS_SIGS_MD_LEN];
	/* A certificate is a SEQUENCE; what a handshake signs begins otherwise
	 * (RFC 8446 4.4.3, RFC 5246 7.4.8). */
	bool is_cert = b.ctx != NULL && b.ctx == ctx && sig != NULL &&
	    tbs_len > 0 && tbs[0] == 0x30 &&
	    tls_sigs_digest(md, &b, sig, sig_len, tbs, tbs_len);
	int ok;

	tls_sigs_begun.ctx = NULL;
	if (is_cert && tls_sigs_find(md))
		return 1;
	ok = tls_sigs_full.update(ctx, tbs, tbs_len) == 1
	    ? tls_sigs_full.final(ctx, sig, sig_len)
	    : -1;
	if (is_cert && ok == 1)
		tls_sigs_add(md);
	return ok;
}

static void
tls_sigs_freectx(void *ctx)
{
	tls_sigs_begun.ctx = NULL;
	tls_sigs_full.freectx(ctx);
}

static int
tls_sigs_set_params(void *ctx, const OSSL_PARAM params[])
{
	tls_sigs_begun.ctx = NULL;
	return tls_sigs_full.set_params(ctx, params);
}

static int
tls_sigs_set_md_params(void *ctx, const OSSL_PARAM params[])
{
	tls_sigs_begun.ctx = NULL;
	return tls_sigs_full.set_md_params(ctx, params);
}

/* Setting up. */

/* What is called instead, or NULL: nothing else is. */
static void (*tls_sigs_instead(const OSSL_DISPATCH *fn))(void)
{
	switch (fn->function_id) {
	case OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT:
		tls_sigs_full.init = OSSL_FUNC_signature_digest_verify_init(fn);
		return (void (*)(void))tls_sigs_init;
	case OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE:
		tls_sigs_full.update =
		    OSSL_FUNC_signature_digest_verify_update(fn);
		return (void (*)(void))tls_sigs_update;
	case OSSL_FUNC_SIGNATURE_FREECTX:
		tls_sigs_full.freectx = OSSL_FUNC_signature_freectx(fn);
		return (void (*)(void))tls_sigs_freectx;
	case OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS:
		tls_sigs_full.set_params =
		    OSSL_FUNC_signature_set_ctx_params(fn);
		return (void (*)(void))tls_sigs_set_params;
	case OSSL_FUNC_SIGNATURE_SET_CTX_MD_PARAMS:
		tls_sigs_full.set_md_params =
		    OSSL_FUNC_signature_set_ctx_md_params(fn);
		return (void (*)(void))tls_sigs_set_md_params;
	case OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL:
		tls_sigs_full.final =
		    OSSL_FUNC_signature_digest_verify_final(fn);
		return NULL;
	default:
		return NULL;
	}
}

bool
tls_sigs_wrap(OSSL_ALGORITHM *ecdsa, const OSSL_ALGORITHM *ec)
{
	size_t num = 0;

	for (const OSSL_DISPATCH *fn = ec->implementation; fn->function_id != 0;
	     fn++)
		if (fn->function_id == OSSL_FUNC_KEYMGMT_GET_PARAMS)
			tls_sigs_full.key_params =
			    OSSL_FUNC_keymgmt_get_params(fn);
	for (const OSSL_DISPATCH *fn = ecdsa->implementation;
	     fn->function_id != 0; fn++) {
		void (*instead)(void) = tls_sigs_instead(fn);

		/* One that has it all in one call needs no other. */
		if (num + 1 == TLS_SIGS_FNS_MAX ||
		    fn->function_id == OSSL_FUNC_SIGNATURE_DIGEST_VERIFY)
			return false;
		tls_sigs_fns[num] = *fn;
		if (instead != NULL)
			tls_sigs_fns[num].function = instead;
		num++;
	}
	tls_sigs_fns[num].function_id = OSSL_FUNC_SIGNATURE_DIGEST_VERIFY;
	tls_sigs_fns[num].function = (void (*)(void))tls_sigs_verify;
	if (tls_sigs_full.init == NULL || tls_sigs_full.update == NULL ||
	    tls_sigs_full.final == NULL || tls_sigs_full.freectx == NULL ||
	    tls_sigs_full.key_params == NULL)
		return false;
	ecdsa->implementation = tls_sigs_fns;
	return true;
}

void
tls_sigs_stats(struct tls_sigs_stats *out)
{
	*out = tls_sigs.stats;
}
