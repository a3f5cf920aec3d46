/*
 * rest_auth: Basic credentials, a small memory of right ones (keyed hashes,
 * never the password), and logins that wait: for their turn, for a comparison,
 * or for the time when they are told that they were wrong.
 */
#include "gateway/rest/rest_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "cache/base/clock.h"
#include "gateway/base/password_hash.h"
#include "gateway/rest/rest_hasher.h"
#include "gateway/rest/rest_throttle.h"

#define NUM_REMEMBERED  64
#define MAX_REMOTE      64 /* logins at once, of all other hosts */
#define MAX_CREDENTIALS 1024
#define TAG_LEN         32

struct remembered {
	unsigned char tag[TAG_LEN]; /* HMAC of credentials and hash */
	bool used;
};

enum login_state {
	LOGIN_WAITS = 0, /* for its turn */
	LOGIN_COMPARED,
	LOGIN_FOLLOWS, /* another one who says the same */
	LOGIN_HEARS,   /* what that one was told */
	LOGIN_WRONG    /* and is told so later */
};

struct rest_login {
	struct rest_auth *auth;
	struct rest_login *next, **prev;
	enum login_state state;
	struct event *timer;
	struct rest_hash *hash_job; /* while it is compared */
	bool local, known;
	unsigned roles;
	uint32_t max_failures, window_ms;
	unsigned char tag[TAG_LEN];
	char address[64];
	char name[MAX_CREDENTIALS];
	char password[MAX_CREDENTIALS]; /* until it is compared */
	char hash[PASSWORD_HASH_SIZE];
	rest_auth_fn *done; /* NULL: the caller has left */
	void *arg;
};

struct rest_auth {
	unsigned char key[32];
	struct remembered remembered[NUM_REMEMBERED];
	size_t next;
	struct event_base *base;
	struct rest_hasher *hasher;
	struct rest_throttle *throttle;
	struct rest_login *logins;
	unsigned num_local, num_remote;
};

int
rest_auth_new(struct rest_auth **out, struct event_base *base, struct err *err)
{
	struct rest_auth *a = calloc(1, sizeof(*a));
	int rc = 0;

	*out = NULL;
	if (a == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	a->base = base;
	if (RAND_bytes(a->key, sizeof(a->key)) != 1)
		rc = err_ossl(err, E_INTERNAL, "no random numbers");
	if (rc == 0)
		rc = rest_throttle_new(&a->throttle, err);
	if (rc == 0)
		rc = rest_hasher_new(&a->hasher, base, err);
	if (rc != 0) {
		rest_auth_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

static void login_free(struct rest_login *l);

void
rest_auth_free(struct rest_auth *a)
{
	if (a == NULL)
		return;
	while (a->logins != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		login_free(a->logins);
	rest_hasher_free(a->hasher);
	rest_throttle_free(a->throttle);
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
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
is_remembered(const struct rest_auth *a, const unsigned char tag[TAG_LEN])
{
	bool found = false;

	for (size_t i = 0; i < NUM_REMEMBERED; i++)
		if (a->remembered[i].used &&
		    CRYPTO_memcmp(a->remembered[i].tag, tag, TAG_LEN) == 0)
			found = true;
	return found;
}

static void
remember(struct rest_auth *a, const unsigned char tag[TAG_LEN])
{
	struct remembered *r = &a->remembered[a->next++ % NUM_REMEMBERED];

	memcpy(r->tag, tag, TAG_LEN);
	r->used = true;
}

/* Logins under way. */

static void
login_free(struct rest_login *l)
{
	*l->prev = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	if (l->local)
		l->auth->num_local--;
	else
		l->auth->num_remote--;
	rest_hash_cancel(l->hash_job);
	if (l->timer != NULL)
		event_free(l->timer);
	OPENSSL_cleanse(l, sizeof(*l));
	free(l);
}

static void
login_end(struct rest_login *l, enum rest_auth_outcome outcome)
{
	struct rest_auth_result result = {.outcome = outcome};
	rest_auth_fn *done = l->done;
	void *arg = l->arg;

	if (outcome == REST_AUTH_ACCEPTED) {
		result.roles = l->roles;
		snprintf(result.user, sizeof(result.user), "%.127s", l->name);
	}
	login_free(l);
	if (done != NULL)
		done(arg, &result);
}

static void
login_wait(struct rest_login *l, enum login_state state, uint32_t ms)
{
	const struct timeval tv = clock_timeval(ms);

	l->state = state;
	event_add(l->timer, &tv);
}

static struct rest_try
try_of(const struct rest_login *l)
{
	return (struct rest_try){.name = l->name,
	    .address = l->address,
	    .max_failures = l->max_failures,
	    .window_ms = l->window_ms,
	    .now_mono_ms = clock_mono_ms()};
}

static void login_heard(struct rest_login *l, bool right);

/* One of those who said the same as who was compared just now. */
static struct rest_login *
next_hearing(const struct rest_auth *a, const unsigned char tag[TAG_LEN])
{
	struct rest_login *l = a->logins;

	while (l != NULL &&
	    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a freed one left */
	    (l->state != LOGIN_HEARS || memcmp(l->tag, tag, TAG_LEN) != 0))
		l = l->next;
	return l;
}

static void
on_hash(void *arg, bool right)
{
	struct rest_login *l = arg;
	struct rest_auth *a = l->auth;
	unsigned char tag[TAG_LEN];

	l->hash_job = NULL;
	l->state = LOGIN_HEARS;
	memcpy(tag, l->tag, TAG_LEN);
	for (struct rest_login *x = a->logins; x != NULL; x = x->next)
		if (x->state == LOGIN_FOLLOWS && x->local == l->local &&
		    memcmp(x->tag, tag, TAG_LEN) == 0)
			x->state = LOGIN_HEARS;
	while ((l = next_hearing(a, tag)) != NULL)
		login_heard(l, right);
}

static void
login_heard(struct rest_login *l, bool right)
{
	const struct rest_try x = try_of(l);
	uint32_t ms;

	if (right && l->known) {
		remember(l->auth, l->tag);
		rest_throttle_right(l->auth->throttle, &x);
		login_end(l, REST_AUTH_ACCEPTED);
		return;
	}
	l->state = LOGIN_COMPARED;
	ms = rest_throttle_wrong(l->auth->throttle, &x);
	if (l->local && ms > 0 && l->done != NULL)
		login_wait(l, LOGIN_WRONG, ms);
	else
		login_end(l, REST_AUTH_DENIED);
}

/* One comparison for all who say the same at once. */
static bool
login_compare(struct rest_login *l)
{
	for (struct rest_login *x = l->auth->logins; x != NULL; x = x->next)
		if (x != l && x->hash_job != NULL && x->local == l->local &&
		    memcmp(x->tag, l->tag, TAG_LEN) == 0) {
			l->state = LOGIN_FOLLOWS;
			return true;
		}
	l->state = LOGIN_COMPARED;
	l->hash_job = rest_hasher_verify(
	    l->auth->hasher, l->hash, l->password, l->local, on_hash, l);
	OPENSSL_cleanse(l->password, sizeof(l->password));
	return l->hash_job != NULL;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct rest_login *l = arg;

	(void)fd, (void)what;
	if (l->state == LOGIN_WRONG)
		login_end(l, REST_AUTH_DENIED);
	else if (!login_compare(l))
		login_end(l, REST_AUTH_BUSY);
}

void
rest_login_cancel(struct rest_login *l)
{
	l->done = NULL;
	/* Others may wait for its comparison, and it counts. */
	if (l->state == LOGIN_WAITS || l->state == LOGIN_WRONG)
		login_free(l);
}

static struct rest_login *
login_new(struct rest_auth *a, const struct conf_rest *conf,
    const char *address, bool local)
{
	struct rest_login *l;

	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->timer = evtimer_new(a->base, on_timer, l);
	if (l->timer == NULL) {
		free(l);
		return NULL;
	}
	l->auth = a;
	l->local = local;
	l->max_failures = conf->max_login_failures;
	l->window_ms = conf->login_window_ms;
	snprintf(l->address, sizeof(l->address), "%s", address);
	if (local)
		a->num_local++;
	else
		a->num_remote++;
	l->next = a->logins;
	l->prev = &a->logins;
	if (l->next != NULL)
		l->next->prev = &l->next;
	a->logins = l;
	return l;
}

/* An unknown name is compared, too, with the hash that takes longest. */
static const struct conf_user *
find_user(const struct conf_rest *conf, const char *name, bool *known)
{
	const struct conf_user *costly = &conf->users[0];

	*known = true;
	for (size_t i = 0; i < conf->num_users; i++) {
		const struct conf_user *u = &conf->users[i];

		if (strcmp(u->name, name) == 0)
			return u;
		if (password_hash_cost(u->password_hash) >
		    password_hash_cost(costly->password_hash))
			costly = u;
	}
	*known = false;
	return costly;
}

/* What is known at once, or PENDING. */
static enum rest_auth_outcome
login_begin(struct rest_login *l)
{
	const struct rest_try x = try_of(l);
	uint32_t ms;

	/* Whoever was right before is neither compared nor held up. */
	if (l->known && is_remembered(l->auth, l->tag))
		return REST_AUTH_ACCEPTED;
	if (l->local)
		return login_compare(l) ? REST_AUTH_PENDING : REST_AUTH_BUSY;
	if (l->auth->num_remote > MAX_REMOTE)
		return REST_AUTH_BUSY;
	ms = rest_throttle_wait(l->auth->throttle, &x);
	if (ms == REST_THROTTLE_TOO_MANY)
		return REST_AUTH_THROTTLED;
	if (ms > 0)
		login_wait(l, LOGIN_WAITS, ms);
	else if (!login_compare(l))
		return REST_AUTH_BUSY;
	return REST_AUTH_PENDING;
}

void
rest_auth_basic(struct rest_auth *a, const struct conf_rest *conf,
    const char *header, const char *address, bool local,
    struct rest_auth_result *result, struct rest_login **login,
    rest_auth_fn *done, void *arg)
{
	char buf[MAX_CREDENTIALS], *password = NULL;
	const struct conf_user *user;
	struct rest_login *l;

	*result = (struct rest_auth_result){.outcome = REST_AUTH_DENIED};
	*login = NULL;
	if (header == NULL || conf->num_users == 0 ||
	    rest_auth_decode(buf, sizeof(buf), header, &password) < 0)
		return;
	l = login_new(a, conf, address, local);
	if (l == NULL) {
		OPENSSL_cleanse(buf, sizeof(buf));
		result->outcome = REST_AUTH_BUSY;
		return;
	}
	user = find_user(conf, buf, &l->known);
	snprintf(l->name, sizeof(l->name), "%s", buf);
	snprintf(l->password, sizeof(l->password), "%s", password);
	snprintf(l->hash, sizeof(l->hash), "%s", user->password_hash);
	l->roles = user->roles;
	if (tag_of(a, l->tag, buf, password, l->hash))
		result->outcome = login_begin(l);
	OPENSSL_cleanse(buf, sizeof(buf));
	if (result->outcome == REST_AUTH_PENDING) {
		l->done = done;
		l->arg = arg;
		*login = l;
		return;
	}
	if (result->outcome == REST_AUTH_ACCEPTED) {
		result->roles = l->roles;
		snprintf(result->user, sizeof(result->user), "%s", user->name);
	}
	login_free(l);
}
