/*
 * password_hash: PBKDF2 with HMAC-SHA-256 (RFC 8018 section 5.2) from OpenSSL.
 * Stateless; about a quarter of a second of CPU a call, on purpose.
 */
#include "gateway/base/password_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define SCHEME         "pbkdf2-sha256"
#define ITERATIONS_MAX 10000000
#define SALT_LEN       16
#define HASH_LEN       32

struct parsed {
	int iterations;
	unsigned char salt[64];
	int salt_len;
	unsigned char hash[HASH_LEN];
};

static int
password_derive(unsigned char out[HASH_LEN], const char *password,
    const unsigned char *salt, int salt_len, int iterations)
{
	return PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt,
		   salt_len, iterations, EVP_sha256(), HASH_LEN, out) == 1
	    ? 0
	    : E_INTERNAL;
}

int
password_hash(char out[PASSWORD_HASH_SIZE], const char *password, int cost,
    struct err *err)
{
	unsigned char salt[SALT_LEN], hash[HASH_LEN];
	char salt64[32], hash64[64];

	if (*password == '\0' || strlen(password) > PASSWORD_MAX_LEN)
		return err_set(err, E_ARG, "a password has 1 to %d characters",
		    PASSWORD_MAX_LEN);
	if (RAND_bytes(salt, sizeof(salt)) != 1 ||
	    password_derive(hash, password, salt, SALT_LEN, cost) != 0)
		return err_ossl(err, E_INTERNAL, "cannot hash the password");
	EVP_EncodeBlock((unsigned char *)salt64, salt, SALT_LEN);
	EVP_EncodeBlock((unsigned char *)hash64, hash, HASH_LEN);
	snprintf(
	    out, PASSWORD_HASH_SIZE, SCHEME "$%d$%s$%s", cost, salt64, hash64);
	return 0;
}

/* Length of the bytes, or -1. */
static int
base64_decode(unsigned char *out, size_t size, const char *text, size_t len)
{
	unsigned char buf[96];
	int n, pad = 0;

	if (len == 0 || len % 4 != 0 || len / 4 * 3 > sizeof(buf))
		return -1;
	n = EVP_DecodeBlock(buf, (const unsigned char *)text, (int)len);
	if (n < 0)
		return -1;
	while (pad < 2 && text[len - 1 - (size_t)pad] == '=')
		pad++;
	n -= pad;
	if (n <= 0 || (size_t)n > size)
		return -1;
	memcpy(out, buf, (size_t)n);
	return n;
}

static bool
password_parse(struct parsed *p, const char *text)
{
	const char *salt, *hash;
	char *end;
	long iterations;

	if (strlen(text) >= PASSWORD_HASH_SIZE ||
	    strncmp(text, SCHEME "$", sizeof(SCHEME)) != 0)
		return false;
	iterations = strtol(text + sizeof(SCHEME), &end, 10);
	if (*end != '$' || iterations < PASSWORD_COST_MIN ||
	    iterations > ITERATIONS_MAX)
		return false;
	p->iterations = (int)iterations;
	salt = end + 1;
	hash = strchr(salt, '$');
	if (hash == NULL)
		return false;
	p->salt_len = base64_decode(
	    p->salt, sizeof(p->salt), salt, (size_t)(hash - salt));
	hash++;
	return p->salt_len > 0 &&
	    base64_decode(p->hash, sizeof(p->hash), hash, strlen(hash)) ==
	    HASH_LEN;
}

bool
password_hash_valid(const char *text)
{
	struct parsed p;

	return password_parse(&p, text);
}

int
password_hash_cost(const char *text)
{
	struct parsed p;

	return password_parse(&p, text) ? p.iterations : 0;
}

bool
password_verify(const char *hash, const char *password)
{
	unsigned char got[HASH_LEN];
	struct parsed p;
	bool same;

	if (strlen(password) > PASSWORD_MAX_LEN || !password_parse(&p, hash) ||
	    password_derive(got, password, p.salt, p.salt_len, p.iterations) !=
		0)
		return false;
	same = CRYPTO_memcmp(got, p.hash, HASH_LEN) == 0;
	OPENSSL_cleanse(got, sizeof(got));
	return same;
}
