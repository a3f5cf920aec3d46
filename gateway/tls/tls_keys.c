/*
 * tls_keys: a set-associative table a thread. In a set the first ways are for
 * keys that came again, the others for newcomers; within either, the one not
 * used for longest gives way. Sets are chosen by a hash with a secret, so that
 * nobody can aim at one.
 *
 * What OpenSSL 3.0's decoder calls a reference to an EC key is the address of
 * an EC_KEY *, which the key manager takes over.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY_up_ref */
#include "gateway/tls/tls_keys.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#define TLS_KEYS_WAYS 4
#define TLS_KEYS_STAY 2 /* of them, for those that came again */
#define TLS_KEYS_SETS (TLS_KEYS_MAX / TLS_KEYS_WAYS)
/* The SubjectPublicKeyInfo of P-521 has 158 bytes. */
#define TLS_KEYS_DER_MAX 160
#define TLS_KEYS_FNS_MAX 16

struct tls_key {
	EC_KEY *key; /* a reference; NULL: free */
	uint64_t used;
	size_t len;
	uint8_t der[TLS_KEYS_DER_MAX];
};

struct tls_keys {
	uint64_t secret, clock;
	struct tls_keys_stats stats;
	struct tls_key sets[TLS_KEYS_SETS][TLS_KEYS_WAYS];
};

/* Written by tls_keys_wrap. */
static OSSL_DISPATCH tls_keys_fns[TLS_KEYS_FNS_MAX + 1];
static OSSL_FUNC_decoder_decode_fn *tls_keys_full; /* the default one */
static OSSL_FUNC_BIO_read_ex_fn *tls_keys_bio_read;
static OSSL_FUNC_BIO_ctrl_fn *tls_keys_bio_ctrl;
static OSSL_FUNC_BIO_new_membuf_fn *tls_keys_bio_new;
static OSSL_FUNC_BIO_free_fn *tls_keys_bio_free;
static pthread_key_t tls_keys_at_exit;

static _Thread_local struct tls_keys *tls_keys_here;

static void
tls_keys_free(void *p)
{
	struct tls_keys *m = p;

	tls_keys_here = NULL;
	for (size_t i = 0; i < TLS_KEYS_SETS; i++)
		for (size_t w = 0; w < TLS_KEYS_WAYS; w++)
			EC_KEY_free(m->sets[i][w].key);
	free(m);
}

/* NULL: nothing is remembered. */
static struct tls_keys *
tls_keys_get(void)
{
	struct tls_keys *m = tls_keys_here;

	if (m != NULL)
		return m;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return NULL;
	if (RAND_bytes((unsigned char *)&m->secret, sizeof(m->secret)) != 1 ||
	    pthread_setspecific(tls_keys_at_exit, m) != 0) {
		free(m);
		return NULL;
	}
	tls_keys_here = m;
	return m;
}

static struct tls_key *
tls_keys_set_of(struct tls_keys *m, const uint8_t *der, size_t len)
{
	uint64_t h = m->secret ^ len, word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		size_t n = len - i < sizeof(word) ? len - i : sizeof(word);

		word = 0;
		memcpy(&word, der + i, n);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return m->sets[(h >> 32) % TLS_KEYS_SETS];
}

/* Of these ways the one that is free, or not used for longest. */
static struct tls_key *
tls_keys_oldest(struct tls_key *ways, size_t num)
{
	struct tls_key *k = ways;

	for (size_t i = 1; i < num; i++)
		if (ways[i].used < k->used)
			k = &ways[i];
	return k;
}

/* It has come again: it stays, and what has not for longer is a newcomer. */
static struct tls_key *
tls_keys_promote(struct tls_key *set, struct tls_key *k)
{
	struct tls_key *stays = tls_keys_oldest(set, TLS_KEYS_STAY), was;

	if (k < set + TLS_KEYS_STAY)
		return k;
	was = *stays;
	*stays = *k;
	*k = was;
	return stays;
}

/* A reference, or NULL. */
static EC_KEY *
tls_keys_find(struct tls_keys *m, const uint8_t *der, size_t len)
{
	struct tls_key *set = tls_keys_set_of(m, der, len), *k;

	for (size_t i = 0; i < TLS_KEYS_WAYS; i++) {
		k = &set[i];
		if (k->key == NULL || k->len != len ||
		    memcmp(k->der, der, len) != 0)
			continue;
		if (EC_KEY_up_ref(k->key) != 1)
			return NULL;
		k = tls_keys_promote(set, k);
		k->used = ++m->clock;
		m->stats.found++;
		return k->key;
	}
	m->stats.missed++;
	return NULL;
}

/* Takes the reference over. */
static void
tls_keys_keep(struct tls_keys *m, const uint8_t *der, size_t len, EC_KEY *key)
{
	struct tls_key *k =
	    tls_keys_oldest(tls_keys_set_of(m, der, len) + TLS_KEYS_STAY,
		TLS_KEYS_WAYS - TLS_KEYS_STAY);

	if (k->key == NULL)
		m->stats.kept++;
	EC_KEY_free(k->key);
	k->key = key;
	k->used = ++m->clock;
	k->len = len;
	memcpy(k->der, der, len);
}

/* The decoder. */

/* What a call of the default decoder is to tell, and to whom. */
struct tls_keys_decoding {
	OSSL_CALLBACK *cb;
	void *arg;
	struct tls_keys *memory;
	const uint8_t *der;
	size_t len;
};

/* The EC key behind what a decoder says, as another reference; or NULL. */
static EC_KEY *
tls_keys_of(const OSSL_PARAM *params)
{
	const OSSL_PARAM *type =
	    OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_DATA_TYPE);
	const OSSL_PARAM *ref =
	    OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_REFERENCE);
	const char *name = NULL;
	EC_KEY *key;

	/* An SM2 key says that it is one: another key manager's. */
	if (type == NULL || ref == NULL || ref->data_size != sizeof(key) ||
	    !OSSL_PARAM_get_utf8_string_ptr(type, &name) ||
	    strcmp(name, "EC") != 0)
		return NULL;
	memcpy(&key, ref->data, sizeof(key));
	return key != NULL && EC_KEY_up_ref(key) == 1 ? key : NULL;
}

static int
tls_keys_on_decoded(const OSSL_PARAM *params, void *arg)
{
	const struct tls_keys_decoding *d = arg;
	EC_KEY *key = tls_keys_of(params);
	int ok = d->cb(params, d->arg);

	if (ok == 1 && key != NULL)
		tls_keys_keep(d->memory, d->der, d->len, key);
	else
		EC_KEY_free(key);
	return ok;
}

static int
tls_keys_hand_out(EC_KEY *key, OSSL_CALLBACK *cb, void *arg)
{
	char name[] = "EC";
	int type = OSSL_OBJECT_PKEY, ok;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
	    OSSL_PARAM_construct_utf8_string(
		OSSL_OBJECT_PARAM_DATA_TYPE, name, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof(key)),
	    OSSL_PARAM_construct_end()};

	ok = cb(params, arg);
	EC_KEY_free(key); /* NULL by now where it was taken */
	return ok;
}

/* One DER value of exactly so many bytes? Long forms have one length byte. */
static bool
tls_keys_is_whole(const uint8_t *der, size_t len)
{
	if (len < 3 || der[0] != 0x30)
		return false;
	if (der[1] < 0x80)
		return len == 2 + (size_t)der[1];
	return der[1] == 0x81 && der[2] >= 0x80 && len == 3 + (size_t)der[2];
}

/* An OSSL_FUNC_decoder_decode_fn. */
static int
tls_keys_decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *cb,
    void *arg, OSSL_PASSPHRASE_CALLBACK *pw_cb, void *pw_arg)
{
	long at = tls_keys_bio_ctrl(in, BIO_C_FILE_TELL, 0, NULL);
	long len = tls_keys_bio_ctrl(in, BIO_CTRL_PENDING, 0, NULL);
	struct tls_keys *m = tls_keys_get();
	uint8_t der[TLS_KEYS_DER_MAX];
	struct tls_keys_decoding d = {cb, arg, m, der, (size_t)len};
	OSSL_CORE_BIO *again;
	size_t got = 0;
	EC_KEY *key;
	int ok;

	if (m == NULL || at < 0 || len <= 0 || (size_t)len > sizeof(der))
		return tls_keys_full(
		    ctx, in, selection, cb, arg, pw_cb, pw_arg);
	if (tls_keys_bio_read(in, der, (size_t)len, &got) != 1 ||
	    got != (size_t)len || !tls_keys_is_whole(der, got)) {
		/* What is behind a key is for whoever reads on. */
		if (tls_keys_bio_ctrl(in, BIO_C_FILE_SEEK, at, NULL) != at)
			return 0;
		return tls_keys_full(
		    ctx, in, selection, cb, arg, pw_cb, pw_arg);
	}
	key = tls_keys_find(m, der, got);
	if (key != NULL)
		return tls_keys_hand_out(key, cb, arg);
	again = tls_keys_bio_new(der, (int)got);
	if (again == NULL)
		return 0;
	ok = tls_keys_full(
	    ctx, again, selection, tls_keys_on_decoded, &d, pw_cb, pw_arg);
	tls_keys_bio_free(again);
	return ok;
}

/* Setting up. */

static bool
tls_keys_take_core(const OSSL_DISPATCH *core)
{
	for (; core->function_id != 0; core++)
		switch (core->function_id) {
		case OSSL_FUNC_BIO_READ_EX:
			tls_keys_bio_read = OSSL_FUNC_BIO_read_ex(core);
			break;
		case OSSL_FUNC_BIO_CTRL:
			tls_keys_bio_ctrl = OSSL_FUNC_BIO_ctrl(core);
			break;
		case OSSL_FUNC_BIO_NEW_MEMBUF:
			tls_keys_bio_new = OSSL_FUNC_BIO_new_membuf(core);
			break;
		case OSSL_FUNC_BIO_FREE:
			tls_keys_bio_free = OSSL_FUNC_BIO_free(core);
			break;
		default:
			break;
		}
	return tls_keys_bio_read != NULL && tls_keys_bio_ctrl != NULL &&
	    tls_keys_bio_new != NULL && tls_keys_bio_free != NULL;
}

static bool
tls_keys_take_decoder(const OSSL_DISPATCH *fns)
{
	size_t num = 0;

	for (; fns->function_id != 0; fns++) {
		if (num == TLS_KEYS_FNS_MAX)
			return false;
		tls_keys_fns[num] = *fns;
		if (fns->function_id == OSSL_FUNC_DECODER_DECODE) {
			tls_keys_full = OSSL_FUNC_decoder_decode(fns);
			tls_keys_fns[num].function =
			    (void (*)(void))tls_keys_decode;
		}
		num++;
	}
	return tls_keys_full != NULL;
}

bool
tls_keys_wrap(OSSL_ALGORITHM *decoder, const OSSL_DISPATCH *core)
{
	if (OPENSSL_version_major() != 3 || OPENSSL_version_minor() != 0 ||
	    !tls_keys_take_core(core) ||
	    !tls_keys_take_decoder(decoder->implementation) ||
	    pthread_key_create(&tls_keys_at_exit, tls_keys_free) != 0)
		return false;
	decoder->implementation = tls_keys_fns;
	return true;
}

void
tls_keys_stats(struct tls_keys_stats *out)
{
	*out = tls_keys_here != NULL ? tls_keys_here->stats
				     : (struct tls_keys_stats){0};
}
