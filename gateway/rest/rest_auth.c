/*
 * rest_auth: Basic credentials, a small memory of right ones (keyed hashes,
 * never the password) and a bounded table of addresses that failed.
 */
#include "gateway/rest/rest_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "gateway/base/password_hash.h"

#define NUM_REMEMBERED  64
#define NUM_ADDRESSES   1024
#define ADDRESS_SIZE    128
#define MAX_CREDENTIALS 1024
#define TAG_LEN         32

struct remembered {
	unsigned char tag[TAG_LEN]; /* HMAC of credentials and hash */
	bool used;
};

struct failures {
	char address[ADDRESS_SIZE]; /* and the name tried */
	uint32_t num;
	uint64_t since_mono_ms; /* start of the window */
};

struct rest_auth {
	unsigned char key[32];
	struct remembered remembered[NUM_REMEMBERED];
	size_t next;
	struct failures failures[NUM_ADDRESSES];
};

int
rest_auth_new(struct rest_auth **out, struct err *err)
{
	struct rest_auth *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (a == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (RAND_bytes(a->key, sizeof(a->key)) != 1) {
		free(a);
		return err_ossl(err, E_INTERNAL, "no random numbers");
	}
	*out = a;
	return 0;
}

void
rest_auth_free(struct rest_auth *a)
{
	if (a == NULL)
		return;
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
}

void
rest_auth_forget(struct rest_auth *a)
{
	memset(a->remembered, 0, sizeof(a->remembered));
}

/* FNV-1a: spreads addresses over the table; nothing secret depends on it. */
static struct failures *
failures_slot(struct rest_auth *a, const char *address)
{
	uint32_t h = 2166136261u;

	for (const char *p = address; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return &a->failures[h % NUM_ADDRESSES];
}

/*
 * The count for an address. A slot is taken over by another address only when
 * its window has passed or it counts less, so that a flood of addresses does
 * not wash out the one that is guessing.
 */
static struct failures *
failures_of(struct rest_auth *a, const struct conf_rest *conf,
    const char *address, uint64_t now)
{
	struct failures *f = failures_slot(a, address);
	bool over = now - f->since_mono_ms >= conf->login_window_ms;

	if (f->num > 0 && !over && strcmp(f->address, address) == 0)
		return f;
	if (f->num > 1 && !over)
		return NULL;
	snprintf(f->address, sizeof(f->address), "%s", address);
	f->num = 0;
	f->since_mono_ms = now;
	return f;
}

static bool
throttled(struct rest_auth *a, const struct conf_rest *conf,
    const char *address, uint64_t now)
{
	const struct failures *f = failures_slot(a, address);

	return f->num >= conf->max_login_failures &&
	    now - f->since_mono_ms < conf->login_window_ms &&
	    strcmp(f->address, address) == 0;
}

int
rest_auth_decode(char *buf, size_t size, const char *header, char **password)
{
	size_t len;
	int n, pad = 0;
	char *colon;

	if (header == NULL || strncasecmp(header, "Basic ", 6) != 0)
		return -1;
	header += 6;
	header += strspn(header, " ");
	len = strlen(header);
	if (len == 0 || len % 4 != 0 || len / 4 * 3 >= size)
		return -1;
	n = EVP_DecodeBlock(
	    (unsigned char *)buf, (const unsigned char *)header, (int)len);
	while (pad < 2 && header[len - 1 - (size_t)pad] == '=')
		pad++;
	n -= pad;
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	colon = memchr(buf, ':', (size_t)n);
	if (colon == NULL || strlen(buf) != (size_t)n)
		return -1;
	*colon = '\0';
	*password = colon + 1;
	return n;
}

static bool
tag_of(struct rest_auth *a, unsigned char out[TAG_LEN], const char *name,
    const char *password, const char *hash)
{
	char text[MAX_CREDENTIALS + PASSWORD_HASH_SIZE + 8];
	unsigned n = 0;
	int len = snprintf(text, sizeof(text), "%zu:%s%zu:%s%s", strlen(name),
	    name, strlen(password), password, hash);
	bool ok = len > 0 && (size_t)len < sizeof(text) &&
	    HMAC(EVP_sha256(), a->key, sizeof(a->key), (unsigned char *)text,
		(size_t)len, out, &n) != NULL;

	OPENSSL_cleanse(text, sizeof(text));
	return ok;
}

static bool
verify(struct rest_auth *a, const char *name, const char *password,
    const char *hash)
{
	unsigned char tag[TAG_LEN];
	bool tagged = tag_of(a, tag, name, password, hash);

	for (size_t i = 0; tagged && i < NUM_REMEMBERED; i++)
		if (a->remembered[i].used &&
		    CRYPTO_memcmp(a->remembered[i].tag, tag, TAG_LEN) == 0)
			return true;
	if (!password_verify(hash, password))
		return false;
	if (tagged) {
		struct remembered *r =
		    &a->remembered[a->next++ % NUM_REMEMBERED];

		memcpy(r->tag, tag, TAG_LEN);
		r->used = true;
	}
	return true;
}

enum rest_auth_outcome
rest_auth_basic(struct rest_auth *a, const struct conf_rest *conf,
    const char *header, const char *address, uint64_t now_mono_ms,
    unsigned *roles, char user[REST_AUTH_USER_SIZE])
{
	char buf[MAX_CREDENTIALS], key[ADDRESS_SIZE], *password = NULL;
	const struct conf_user *known = NULL;
	struct failures *f;
	bool decoded, right;

	*roles = 0;
	user[0] = '\0';
	if (header == NULL)
		return REST_AUTH_DENIED;
	decoded = rest_auth_decode(buf, sizeof(buf), header, &password) >= 0;
	/*
	 * By address and name: whoever guesses one user's password from behind
	 * the same address does not lock the others out.
	 */
	snprintf(key, sizeof(key), "%.60s %.60s", address, decoded ? buf : "");
	if (throttled(a, conf, key, now_mono_ms))
		return REST_AUTH_THROTTLED;
	for (size_t i = 0; decoded && i < conf->num_users; i++)
		if (strcmp(conf->users[i].name, buf) == 0)
			known = &conf->users[i];
	/* An unknown name costs what a known one does. */
	right = decoded && conf->num_users > 0 &&
	    verify(a, buf, password,
		(known != NULL ? known : &conf->users[0])->password_hash) &&
	    known != NULL;
	OPENSSL_cleanse(buf, sizeof(buf));
	if (right) {
		snprintf(user, REST_AUTH_USER_SIZE, "%s", known->name);
		*roles = known->roles;
		return REST_AUTH_ACCEPTED;
	}
	f = failures_of(a, conf, key, now_mono_ms);
	if (f != NULL)
		f->num++;
	return REST_AUTH_DENIED;
}
