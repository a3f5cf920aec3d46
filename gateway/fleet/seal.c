/* seal: see the header. */
#include "gateway/fleet/seal.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#define SECRET_MIN 16
#define SECRET_MAX 255
#define KEY_LEN    32
#define NONCE_LEN  12
#define TAG_LEN    16
#define HEAD_LEN   (1 + 8 + NONCE_LEN)

_Static_assert(HEAD_LEN + TAG_LEN == FLEET_SEAL_MORE, "the layout");

struct secret {
	uint8_t which; /* says which one, not what it is */
	uint8_t key[KEY_LEN];
};

struct fleet_seal {
	struct secret v[2];
	size_t num;
};

/* Secrets. */

static int
secret_read(
    char text[SECRET_MAX + 1], size_t *len, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_sys(err, "cannot open the secret '%s'", path);
	n = read(fd, text, SECRET_MAX + 1);
	if (n < 0)
		err_sys(err, "cannot read the secret '%s'", path);
	close(fd);
	if (n < 0)
		return E_IO;
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	if (n < SECRET_MIN || n > SECRET_MAX)
		return err_set(err, E_PARSE,
		    "the secret '%s' has %s: expected %d to %d characters",
		    path, n < SECRET_MIN ? "too few" : "too many", SECRET_MIN,
		    SECRET_MAX);
	*len = (size_t)n;
	return 0;
}

static bool
derive(uint8_t *out, size_t out_len, const char *text, size_t len,
    const char *purpose)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(
		OSSL_KDF_PARAM_DIGEST, (char[]){"SHA256"}, 0),
	    OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)text, len),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
		(void *)(uintptr_t)purpose, strlen(purpose)),
	    OSSL_PARAM_construct_end()};
	bool ok = ctx != NULL && EVP_KDF_derive(ctx, out, out_len, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

static int
secret_add(struct fleet_seal *s, const char *path, struct err *err)
{
	struct secret *to = &s->v[s->num];
	char text[SECRET_MAX + 1];
	size_t len = 0;
	int rc = secret_read(text, &len, path, err);

	if (rc == 0 &&
	    (!derive(to->key, KEY_LEN, text, len, "p2p-gateway fleet seal") ||
		!derive(&to->which, 1, text, len, "p2p-gateway fleet which")))
		rc = err_ossl(err, E_INTERNAL, "cannot derive a key");
	OPENSSL_cleanse(text, sizeof(text));
	s->num += rc == 0;
	return rc;
}

int
fleet_seal_new(struct fleet_seal **out, const char *file,
    const char *previous_file, struct err *err)
{
	struct fleet_seal *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = secret_add(s, file, err);
	if (rc == 0 && previous_file != NULL)
		rc = secret_add(s, previous_file, err);
	if (rc != 0) {
		fleet_seal_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
fleet_seal_free(struct fleet_seal *s)
{
	if (s == NULL)
		return;
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
}

/* Sealing. */

static void
put_number(uint8_t out[8], uint64_t n)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(n >> (56 - 8 * i));
}

/* Each part after its length, so that no two places read the same. */
static bool
bind_place(EVP_CIPHER_CTX *ctx, const struct fleet_seal_place *p)
{
	const char *parts[] = {p->id, fleet_kind_rule(p->kind)->word, p->key};
	uint8_t number[8];
	int n;

	for (size_t i = 0; i < 3; i++) {
		const void *part = parts[i];
		size_t len = strlen(parts[i]);

		put_number(number, len);
		if (EVP_CipherUpdate(ctx, NULL, &n, number, 8) != 1 ||
		    (len > 0 &&
			EVP_CipherUpdate(ctx, NULL, &n, part, (int)len) != 1))
			return false;
	}
	put_number(number, (uint64_t)p->n);
	return EVP_CipherUpdate(ctx, NULL, &n, number, 8) == 1;
}

int
fleet_seal_close(const struct fleet_seal *s,
    const struct fleet_seal_place *place, const char *text, size_t len,
    uint8_t **out, size_t *out_len, struct err *err)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t *p = NULL;
	int n = 0, last = 0, rc = E_INTERNAL;

	*out = NULL;
	if (len > FLEET_MAX_JSON || place->n < 0) {
		rc = err_set(err, E_LIMIT, "the record is too large");
		goto out;
	}
	p = malloc(len + FLEET_SEAL_MORE);
	if (ctx == NULL || p == NULL) {
		rc = err_set(err, E_NOMEM, "out of memory");
		goto out;
	}
	p[0] = s->v[0].which;
	put_number(p + 1, (uint64_t)place->n);
	if (RAND_bytes(p + 9, NONCE_LEN) != 1 ||
	    EVP_EncryptInit_ex(
		ctx, EVP_aes_256_gcm(), NULL, s->v[0].key, p + 9) != 1 ||
	    !bind_place(ctx, place) ||
	    EVP_EncryptUpdate(
		ctx, p + HEAD_LEN, &n, (const void *)text, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, p + HEAD_LEN + n, &last) != 1 ||
	    EVP_CIPHER_CTX_ctrl(
		ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, p + HEAD_LEN + len) != 1) {
		rc = err_ossl(err, E_INTERNAL, "cannot seal a record");
		goto out;
	}
	*out = p;
	*out_len = len + FLEET_SEAL_MORE;
	p = NULL;
	rc = 0;
out:
	free(p);
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

static bool
open_with(const struct secret *secret, const struct fleet_seal_place *place,
    const uint8_t *sealed, size_t len, char *text)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_LEN];
	int n = 0, last = 0;
	bool ok;

	memcpy(tag, sealed + HEAD_LEN + len, TAG_LEN);
	ok = ctx != NULL &&
	    EVP_DecryptInit_ex(
		ctx, EVP_aes_256_gcm(), NULL, secret->key, sealed + 9) == 1 &&
	    bind_place(ctx, place) &&
	    EVP_DecryptUpdate(
		ctx, (void *)text, &n, sealed + HEAD_LEN, (int)len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
	    EVP_DecryptFinal_ex(ctx, (uint8_t *)text + n, &last) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

int
fleet_seal_open(const struct fleet_seal *s, struct fleet_seal_place *place,
    const uint8_t *sealed, size_t sealed_len, char **text, size_t *len,
    struct err *err)
{
	uint64_t n = 0;
	char *p;

	*text = NULL;
	*len = 0;
	if (sealed_len < FLEET_SEAL_MORE ||
	    sealed_len - FLEET_SEAL_MORE > FLEET_MAX_JSON)
		return err_set(err, E_PARSE, "not sealed by this fleet");
	for (int i = 1; i <= 8; i++)
		n = n << 8 | sealed[i];
	if (n > INT64_MAX)
		return err_set(err, E_PARSE, "not sealed by this fleet");
	place->n = (int64_t)n;
	*len = sealed_len - FLEET_SEAL_MORE;
	p = malloc(*len + 1);
	if (p == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	for (size_t i = 0; i < s->num; i++) {
		if (s->v[i].which == sealed[0] &&
		    open_with(&s->v[i], place, sealed, *len, p)) {
			p[*len] = '\0';
			place->previous = i > 0;
			*text = p;
			return 0;
		}
	}
	/* What did not authenticate is shown to nobody. */
	OPENSSL_cleanse(p, *len + 1);
	free(p);
	*len = 0;
	return err_set(err, E_PARSE, "not sealed by this fleet");
}

bool
fleet_seal_is_foreign(
    const struct fleet_seal *s, const uint8_t *sealed, size_t len)
{
	static const uint8_t none[8];

	if (len <= FLEET_SEAL_MORE || memcmp(sealed + 1, none, 8) != 0)
		return false;
	for (size_t i = 0; i < s->num; i++)
		if (s->v[i].which == sealed[0])
			return false;
	return true;
}
