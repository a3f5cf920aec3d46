/*
 * flight_shared, shared_tier: an archive among others. The others are a table
 * of this test; the store and the CA are a real server that misbehaves.
 */
#include "tests/unit/archive_help.h"

#include <openssl/sha.h>

#define STORE_HITS "/store/*"

/* What the archive said, in order: a letter each. */
struct others {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct world *w;
	struct archive_shared fn;
	bool has;
	struct archive_pointer pointer;
	enum archive_claim answer;
	bool silent; /* claims are not answered */
	uint64_t ticket;
	char said[64]; /* claim 'c', published 'P' or 'p', released 'r', 'f' */
	char failed[32];
	char store[64];
};

static void
say(struct others *o, char what)
{
	size_t n = strlen(o->said);

	if (n + 1 < sizeof(o->said))
		o->said[n] = what;
	pthread_cond_broadcast(&o->cond);
}

static bool
newest(
    void *arg, const struct evidence_key *source, struct archive_pointer *out)
{
	struct others *o = arg;
	bool has;

	pthread_mutex_lock(&o->lock);
	has = o->has;
	*out = o->pointer;
	pthread_mutex_unlock(&o->lock);
	return has;
}

static void
claim(void *arg, const struct evidence_key *source, uint64_t ticket)
{
	struct others *o = arg;
	enum archive_claim answer;
	bool silent;

	pthread_mutex_lock(&o->lock);
	o->ticket = ticket;
	answer = o->answer;
	silent = o->silent;
	say(o, 'c');
	pthread_mutex_unlock(&o->lock);
	if (!silent)
		archive_shared_claimed(
		    o->w->archive, source, ticket, answer, YEAR2026 + 7200);
}

static void
published(void *arg, const struct evidence_key *source,
    const struct archive_pointer *p, bool changed)
{
	struct others *o = arg;

	pthread_mutex_lock(&o->lock);
	o->pointer = *p;
	o->has = true;
	say(o, changed ? 'P' : 'p');
	pthread_mutex_unlock(&o->lock);
}

static void
released(void *arg, const struct evidence_key *source, const char *failed,
    time_t until)
{
	struct others *o = arg;

	pthread_mutex_lock(&o->lock);
	snprintf(o->failed, sizeof(o->failed), "%s", failed ? failed : "");
	assert_true((failed != NULL) == (until != 0));
	say(o, failed != NULL ? 'f' : 'r');
	pthread_mutex_unlock(&o->lock);
}

/* Waits until all of it was said. */
static void
said(struct others *o, const char *what)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&o->lock);
	while (strlen(o->said) < strlen(what))
		if (pthread_cond_timedwait(&o->cond, &o->lock, &until) != 0)
			break;
	assert_string_equal(o->said, what);
	pthread_mutex_unlock(&o->lock);
}

static void
forget_said(struct others *o)
{
	pthread_mutex_lock(&o->lock);
	memset(o->said, 0, sizeof(o->said));
	pthread_mutex_unlock(&o->lock);
}

static void
others_use(struct others *o)
{
	struct err err = {0};

	if (archive_set_shared(o->w->archive, &o->fn, &err) != 0)
		fail_msg("%s", err.msg);
}

/* A world with others, who have nothing yet and let this one fetch. */
static void
others_init(struct others *o, struct world *w, const char *script)
{
	*o = (struct others){.w = w, .answer = ARCHIVE_CLAIM_WON};
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->cond, NULL);
	world_init(w, script);
	dir_make("www/store");
	snprintf(o->store, sizeof(o->store), "http://127.0.0.1:%d/store",
	    w->http.port);
	o->fn = (struct archive_shared){.arg = o,
	    .newest = newest,
	    .claim = claim,
	    .published = published,
	    .released = released,
	    .store = {.url = o->store}};
	world_open(w);
	others_use(o);
}

static void
others_cleanup(struct others *o)
{
	world_cleanup(o->w);
	pthread_cond_destroy(&o->cond);
	pthread_mutex_destroy(&o->lock);
}

/* The others have that CRL: its pointer, and in the store what `bytes` is. */
static void
others_have(struct others *o, const struct crlmake *how, bool in_store)
{
	struct crlmake copy = *how;
	struct archive_pointer *p = &o->pointer;
	char path[128], hex[65];
	uint8_t *der;
	size_t len;

	if (copy.key == NULL)
		copy.key = o->w->key;
	der = crlmake(&copy, &len);
	pthread_mutex_lock(&o->lock);
	*p = (struct archive_pointer){.len = len,
	    .this_update = YEAR2026,
	    .number = {(uint8_t)how->number},
	    .number_len = 1,
	    .checked = YEAR2026 + 1};
	SHA256(der, len, p->sha256);
	o->has = true;
	pthread_mutex_unlock(&o->lock);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", p->sha256[i]);
	snprintf(path, sizeof(path), "store/%s", hex);
	if (in_store)
		world_file(path, der, len);
	free(der);
}

/* archive_shared_told; when it returns, it was heard. */
static void
nothing(void *arg)
{
	atomic_store((atomic_bool *)arg, true);
}

static void
tell(struct others *o, const char *key)
{
	struct evidence_key k = key_named(key);
	atomic_bool done = false;

	archive_shared_told(o->w->archive, &k);
	assert_int_equal(archive_post(o->w->archive, nothing, &done), 0);
	while (!atomic_load(&done))
		wait_ms(1);
}

static uint64_t
counted(struct others *o, enum archive_shared_count what)
{
	return stats(o->w).shared[what];
}

/* Tests. */

static void
test_what_others_have_is_not_asked_of_the_ca(void **state)
{
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	others_have(&o, &(struct crlmake){.number = 5}, true);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(held_number(&w, "a"), 5);
	assert_int_equal(hits(&w.http, "/a.crl"), 0);
	assert_int_equal(hits(&w.http, STORE_HITS), 1);
	assert_int_equal(counted(&o, SHARED_BLOBS), 1);
	assert_int_equal(atomic_load(&w.num_accepted), 1);
	said(&o, "");
	/* Memory holds it: a refresh asks the others, too. */
	others_have(&o, &(struct crlmake){.number = 6}, true);
	atomic_fetch_add(&w.now, 100);
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(held_number(&w, "a"), 6);
	assert_int_equal(hits(&w.http, "/a.crl"), 0);
	others_cleanup(&o);
}

static void
test_what_nobody_has_is_fetched_and_told(void **state)
{
	struct world w;
	struct others o;

	others_init(&o, &w, "/store/* 201");
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	ask_ok(&w, "a", "/a.crl", false);
	said(&o, "cPr");
	assert_int_equal(o.pointer.number[0], 5);
	assert_int_equal(o.pointer.checked, YEAR2026 + 3600);
	assert_non_null(strstr(o.pointer.url, "/a.crl"));
	assert_int_equal(counted(&o, SHARED_PUTS), 1);
	assert_int_equal(counted(&o, SHARED_CLAIMS_WON), 1);
	assert_int_equal(hits(&w.http, STORE_HITS), 1);
	/* The CA says that it is the newest still; the object is there. */
	forget_said(&o);
	control(&w.http, "/_script", "/store/* text=x");
	atomic_fetch_add(&w.now, 100);
	ask_ok(&w, "a", "/a.crl", true);
	said(&o, "cpr");
	assert_int_equal(stats(&w).fetches_304, 1);
	assert_int_equal(o.pointer.checked, YEAR2026 + 3700);
	hits_await(&w.http, 2, STORE_HITS);
	/* It is not there any more: put again. */
	forget_said(&o);
	control(&w.http, "/_script", "/store/* 404 ; 201");
	atomic_fetch_add(&w.now, 100);
	ask_ok(&w, "a", "/a.crl", true);
	said(&o, "cpr");
	hits_await(&w.http, 4, STORE_HITS);
	for (int i = 0; i < 3000 && counted(&o, SHARED_PUTS) < 2; i++)
		wait_ms(10);
	assert_int_equal(counted(&o, SHARED_PUTS), 2);
	/* It is there for long: written anew, before a store forgets it. */
	forget_said(&o);
	control(&w.http, "/_script",
	    "/store/* text=x header=Last-Modified:20251201 ; 201");
	atomic_fetch_add(&w.now, 100);
	ask_ok(&w, "a", "/a.crl", true);
	said(&o, "cpr");
	for (int i = 0; i < 3000 && counted(&o, SHARED_PUTS) < 3; i++)
		wait_ms(10);
	assert_int_equal(counted(&o, SHARED_PUTS), 3);
	others_cleanup(&o);
}

/* A store that gives something else, or nothing: the CA is asked. */
static void
test_a_hostile_store_does_no_harm(void **state)
{
	static const struct {
		const char *step;
		enum archive_shared_count count;
	} bad[] = {
	    {"text=wrong", SHARED_REFUSED},
	    {"garbage=400", SHARED_REFUSED},
	    {"endless", SHARED_REFUSED},
	    {"truncate=20 file=a.crl", SHARED_MISSING},
	    {"redirect=http://127.0.0.1:%d/elsewhere", SHARED_MISSING},
	    {"500", SHARED_MISSING},
	    {"404", SHARED_MISSING},
	    {"close", SHARED_MISSING},
	    {"endless-head", SHARED_MISSING},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char script[256], step[200], cwd[100];
		struct world w;
		struct others o;

		others_init(&o, &w, NULL);
		assert_non_null(getcwd(cwd, sizeof(cwd)));
		world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
		others_have(&o, &(struct crlmake){.number = 6}, false);
		if (strstr(bad[i].step, "file=") != NULL)
			snprintf(step, sizeof(step),
			    "truncate=20 file=%.90s/www/a.crl", cwd);
		else if (strstr(bad[i].step, "redirect=") != NULL)
			snprintf(step, sizeof(step),
			    "redirect=http://127.0.0.1:%d/elsewhere",
			    w.http.port);
		else
			snprintf(step, sizeof(step), "%s", bad[i].step);
		snprintf(script, sizeof(script), "/store/* %.190s", step);
		control(&w.http, "/_script", script);
		ask_ok(&w, "a", "/a.crl", false);
		if (held_number(&w, "a") != 5 || hits(&w.http, "/a.crl") != 1)
			fail_msg("%s: not the CA's", bad[i].step);
		if (counted(&o, bad[i].count) != 1)
			fail_msg("%s: not counted", bad[i].step);
		assert_int_equal(hits(&w.http, "/elsewhere"), 0);
		assert_int_equal(counted(&o, SHARED_BLOBS), 0);
		/* What was refused is not looked at again. */
		if (bad[i].count == SHARED_REFUSED) {
			control(&w.http, "/_reset", "");
			atomic_fetch_add(&w.now, 100);
			ask_ok(&w, "a", "/a.crl", true);
			assert_int_equal(hits(&w.http, STORE_HITS), 0);
		}
		others_cleanup(&o);
	}
}

/* What the store gives is accepted like an answer of the CA, or not at all. */
static void
test_what_others_took_must_be_accepted_here(void **state)
{
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	others_have(
	    &o, &(struct crlmake){.number = 6, .key = w.other_key}, true);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(held_number(&w, "a"), 5);
	assert_int_equal(counted(&o, SHARED_REFUSED), 1);
	/* An authentic one that is older than what is held, said to be newer.
	 */
	others_have(&o, &(struct crlmake){.number = 4}, true);
	o.pointer.number[0] = 9;
	atomic_fetch_add(&w.now, 100);
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(held_number(&w, "a"), 5);
	assert_int_equal(counted(&o, SHARED_REFUSED), 2);
	assert_int_equal(hits(&w.http, "/a.crl"), 2);
	others_cleanup(&o);
}

/* A number beyond all makes it look, and raises nothing. */
static void
test_an_absurd_number_is_no_floor(void **state)
{
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	others_have(&o, &(struct crlmake){.number = 5}, true);
	o.pointer.number_len = 20;
	memset(o.pointer.number, 0x7f, 20);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(held_number(&w, "a"), 5);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 6});
	o.pointer.sha256[0] ^= 1;
	atomic_fetch_add(&w.now, 100);
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(held_number(&w, "a"), 6);
	others_cleanup(&o);
}

/* Who asks waits half of his time at most, for the store and for a claim. */
static void
test_who_waits_waits_no_longer(void **state)
{
	const char *url;
	char text[64];
	struct world w;
	struct others o;

	for (int claims = 0; claims < 2; claims++) {
		struct asking q = {.ms = 4000};
		uint64_t began;

		others_init(&o, &w, "/store/* never");
		o.fn.claim_wait_ms = 60000;
		o.fn.store.timeout_ms = 60000;
		others_use(&o);
		o.silent = true;
		world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
		if (!claims)
			others_have(&o, &(struct crlmake){.number = 6}, false);
		snprintf(text, sizeof(text), "http://127.0.0.1:%d/a.crl",
		    w.http.port);
		url = text;
		began = clock_mono_ms();
		asking_start(&q, &w, "a", &url, 1);
		asking_wait(&q);
		assert_non_null(q.got.e);
		evidence_free(q.got.e);
		assert_true(clock_mono_ms() - began >= 1900);
		assert_int_equal(hits(&w.http, "/a.crl"), 1);
		/* A claim that is won too late is given back. */
		if (claims) {
			struct evidence_key k = key_named("a");

			said(&o, "cP");
			archive_shared_claimed(
			    w.archive, &k, o.ticket, ARCHIVE_CLAIM_WON, 0);
			said(&o, "cPr");
		}
		others_cleanup(&o);
	}
}

static void
test_taken_waits_for_what_the_other_brings(void **state)
{
	struct asking q = {0};
	char text[64];
	const char *url = text;
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	o.answer = ARCHIVE_CLAIM_TAKEN;
	o.fn.claim_wait_ms = 60000;
	others_use(&o);
	snprintf(text, sizeof(text), "http://127.0.0.1:%d/a.crl", w.http.port);
	asking_start(&q, &w, "a", &url, 1);
	said(&o, "c");
	for (int i = 0; i < 3000 && counted(&o, SHARED_CLAIMS_TAKEN) == 0; i++)
		wait_ms(10);
	others_have(&o, &(struct crlmake){.number = 5}, true);
	control(&w.http, "/_script", "/store/* origin gate=g");
	tell(&o, "a");
	hits_await(&w.http, 1, STORE_HITS);
	/* More of them are there by now: nothing ends by that. */
	archive_shared_spread(w.archive, 1000);
	/* Told again on the way: it is on its way once. */
	tell(&o, "a");
	tell(&o, "a");
	control(&w.http, "/_release/g", "");
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	assert_int_equal(held_number(&w, "a"), 5);
	assert_int_equal(hits(&w.http, STORE_HITS), 1);
	assert_int_equal(hits(&w.http, "/a.crl"), 0);
	others_cleanup(&o);
}

/* The other is gone and brought nothing: this one claims, and fetches. */
static void
test_who_took_it_may_die(void **state)
{
	struct asking q = {0};
	char text[64];
	const char *url = text;
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	o.answer = ARCHIVE_CLAIM_TAKEN;
	o.fn.claim_wait_ms = 60000;
	others_use(&o);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	snprintf(text, sizeof(text), "http://127.0.0.1:%d/a.crl", w.http.port);
	asking_start(&q, &w, "a", &url, 1);
	for (int i = 0; i < 3000 && counted(&o, SHARED_CLAIMS_TAKEN) == 0; i++)
		wait_ms(10);
	o.answer = ARCHIVE_CLAIM_WON;
	tell(&o, "a");
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	said(&o, "ccPr");
	others_cleanup(&o);
}

/* Nobody waits: it is left to the other, and got when he has it. */
static void
test_without_hurry_it_is_left_to_the_other(void **state)
{
	struct archive_order order = {.kind = EVIDENCE_CRL, .num_urls = 1};
	char text[64];
	const char *url = text;
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	o.answer = ARCHIVE_CLAIM_TAKEN;
	snprintf(text, sizeof(text), "http://127.0.0.1:%d/a.crl", w.http.port);
	order.urls = &url;
	order.key = key_named("a");
	order.acceptor = &w.acceptor;
	assert_int_equal(archive_prefetch(w.archive, &order), 0);
	said(&o, "c");
	for (int i = 0; i < 3000 && counted(&o, SHARED_CLAIMS_TAKEN) == 0; i++)
		wait_ms(10);
	others_have(&o, &(struct crlmake){.number = 5}, true);
	tell(&o, "a");
	for (int i = 0; i < 3000 && held_number(&w, "a") < 0; i++)
		wait_ms(10);
	assert_int_equal(held_number(&w, "a"), 5);
	assert_int_equal(hits(&w.http, "/a.crl"), 0);
	assert_int_equal(stats(&w).fail[EVIDENCE_FAIL_HTTP], 0);
	others_cleanup(&o);
}

static bool
refresh_of(void *arg, const struct archive_item *item)
{
	*(time_t *)arg = item->next_refresh_at;
	return true;
}

/* What another was told counts here, too, as long as it is in date. */
static void
test_a_check_of_another_is_a_refresh(void **state)
{
	time_t before = 0, after = 0;
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	w.options.min_refresh_sec = 60;
	others_have(&o, &(struct crlmake){.number = 5}, true);
	ask_ok(&w, "a", "/a.crl", false);
	archive_list(w.archive, refresh_of, &before);
	assert_true(before != 0);
	atomic_fetch_add(&w.now, DAY);
	o.pointer.checked = YEAR2026 + 3600 + DAY - 1;
	tell(&o, "a");
	archive_list(w.archive, refresh_of, &after);
	assert_true(after > before);
	assert_int_equal(counted(&o, SHARED_POINTERS), 1);
	/* Told again it is nothing new. */
	tell(&o, "a");
	assert_int_equal(counted(&o, SHARED_POINTERS), 1);
	said(&o, "");
	assert_int_equal(hits(&w.http, "/a.crl"), 0);
	others_cleanup(&o);
}

/* By a clock that is days ahead: it says nothing of what the CA has since. */
static void
test_a_check_of_the_future_is_none(void **state)
{
	time_t before = 0, after = 0;
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	w.options.min_refresh_sec = 60;
	others_have(&o, &(struct crlmake){.number = 5}, true);
	ask_ok(&w, "a", "/a.crl", false);
	archive_list(w.archive, refresh_of, &before);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 6});
	atomic_fetch_add(&w.now, 100);
	o.pointer.checked = YEAR2026 + 3600 + 5 * DAY;
	tell(&o, "a");
	archive_list(w.archive, refresh_of, &after);
	assert_int_equal(after, before);
	/* A refresh, when its time has come, asks the CA. */
	atomic_fetch_add(&w.now, DAY);
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(hits(&w.http, "/a.crl"), 1);
	assert_int_equal(held_number(&w, "a"), 6);
	others_cleanup(&o);
}

/* Not all of them at once. */
static void
test_news_are_got_at_a_moment_of_ones_own(void **state)
{
	time_t now = YEAR2026 + 3600, at = 0;
	unsigned later = 0;
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	others_have(&o, &(struct crlmake){.number = 5}, true);
	ask_ok(&w, "a", "/a.crl", false);
	archive_shared_spread(w.archive, 900000);
	others_have(&o, &(struct crlmake){.number = 6}, false);
	for (int i = 0; i < 20; i++) {
		tell(&o, "a");
		archive_list(w.archive, refresh_of, &at);
		later += at > now && at <= now + 900;
	}
	assert_true(later > 10);
	others_cleanup(&o);
}

static void
test_a_failure_is_told_with_its_end(void **state)
{
	struct world w;
	struct others o;

	others_init(&o, &w, "/a.crl 500");
	ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_HTTP);
	said(&o, "cf");
	assert_string_equal(o.failed, "http");
	/* Another failed: who waits tries by himself all the same. */
	o.answer = ARCHIVE_CLAIM_BACKOFF;
	world_crl(&w, "b.crl", &(struct crlmake){.number = 5});
	ask_ok(&w, "b", "/b.crl", false);
	others_cleanup(&o);
	/* What only our own settings refuse is nobody else's failure. */
	others_init(&o, &w, NULL);
	ask_fails(&w, "c", "ldap://127.0.0.1/c", EVIDENCE_FAIL_SCHEME);
	said(&o, "cr");
	others_cleanup(&o);
}

/* What is shared goes away while it is waited for. */
static void
test_sharing_ends_at_any_time(void **state)
{
	struct err err = {0};
	char text[64];
	const char *url = text;
	struct world w;
	struct others o;

	for (int store = 0; store < 2; store++) {
		struct asking q = {0};

		others_init(&o, &w, "/store/* never");
		o.fn.claim_wait_ms = 60000;
		o.fn.store.timeout_ms = 60000;
		others_use(&o);
		o.silent = true;
		if (store)
			others_have(&o, &(struct crlmake){.number = 6}, false);
		world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
		snprintf(text, sizeof(text), "http://127.0.0.1:%d/a.crl",
		    w.http.port);
		asking_start(&q, &w, "a", &url, 1);
		if (store)
			hits_await(&w.http, 1, STORE_HITS);
		else
			said(&o, "c");
		assert_int_equal(archive_set_shared(w.archive, NULL, &err), 0);
		asking_wait(&q);
		assert_non_null(q.got.e);
		evidence_free(q.got.e);
		said(&o, store ? "" : "c");
		others_cleanup(&o);
	}
	/* And the archive itself, with all of it under way. */
	for (int store = 0; store < 2; store++) {
		struct asking q = {0};

		others_init(&o, &w, "/store/* never");
		o.silent = true;
		if (store)
			others_have(&o, &(struct crlmake){.number = 6}, false);
		snprintf(text, sizeof(text), "http://127.0.0.1:%d/a.crl",
		    w.http.port);
		asking_start(&q, &w, "a", &url, 1);
		if (store)
			hits_await(&w.http, 1, STORE_HITS);
		else
			said(&o, "c");
		world_close(&w);
		asking_wait(&q);
		assert_int_equal(q.got.f.fail, EVIDENCE_FAIL_CLOSED);
		others_cleanup(&o);
	}
}

/*
 * The store may be where nothing else may be asked, and what a certificate
 * names is not asked there, not even by a connection that is open.
 */
static void
test_the_store_opens_no_way_for_others(void **state)
{
	static const char *const none[] = {NULL};
	char name[80];
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	world_close(&w);
	w.options.allow_addresses = none;
	world_open(&w);
	snprintf(o.store, sizeof(o.store), "http://localhost:%d/store/",
	    w.http.port);
	others_use(&o);
	others_have(&o, &(struct crlmake){.number = 5}, true);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(held_number(&w, "a"), 5);
	world_crl(&w, "b.crl", &(struct crlmake){.number = 5});
	snprintf(name, sizeof(name), "http://localhost:%d/b.crl", w.http.port);
	o.has = false;
	ask_fails(&w, "b", name, EVIDENCE_FAIL_REFUSED);
	assert_int_equal(hits(&w.http, "/b.crl"), 0);
	others_cleanup(&o);
}

/* Strings of others go into the head of a request: not more than a line. */
static void
test_a_pointer_adds_no_header(void **state)
{
	struct world w;
	struct others o;

	others_init(&o, &w, NULL);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	others_have(&o, &(struct crlmake){.number = 5}, true);
	snprintf(o.pointer.url, sizeof(o.pointer.url),
	    "http://127.0.0.1:%d/a.crl", w.http.port);
	snprintf(o.pointer.etag, sizeof(o.pointer.etag),
	    "\"x\"\r\n\r\nGET /injected HTTP/1.1\r\nHost: x");
	ask_ok(&w, "a", "/a.crl", false);
	atomic_fetch_add(&w.now, 100);
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(hits(&w.http, "/a.crl"), 1);
	assert_int_equal(hits(&w.http, "/injected"), 0);
	others_cleanup(&o);
}

static void
test_a_store_that_cannot_be_is_refused(void **state)
{
	static const struct object_store_options bad[] = {
	    {.url = "ftp://store.example/"},
	    {.url = "https://user:secret@store.example/"},
	    {.url = "https://store.example/?x=secret"},
	    {.url = "not a URL"},
	    {.url = "http://store.example/", .credentials = "user:secret"},
	    {.url = "http://127.example/", .credentials = "user:secret"},
	    {.url = "http://store.example/", .header = "X-Key: secret"},
	    {.url = "https://store.example/", .credentials = "secret"},
	    {.url = "https://store.example/", .header = "secret"},
	    {.url = "https://store.example/", .header = "X: secret\r\nY: 1"},
	    {.url = "https://store.example/", .region = "eu-1"},
	    {.url = "https://store.example/",
		.credentials = "user:secret",
		.region = "a:b"},
	};
	struct object_store *s;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err = (struct err){0};
		assert_int_not_equal(object_store_new(&s, &bad[i], &err), 0);
		assert_null(s);
		if (err.msg[0] == '\0' || strstr(err.msg, "secret") != NULL)
			fail_msg("%zu: '%s'", i, err.msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_others_have_is_not_asked_of_the_ca),
	    cmocka_unit_test(test_what_nobody_has_is_fetched_and_told),
	    cmocka_unit_test(test_a_hostile_store_does_no_harm),
	    cmocka_unit_test(test_what_others_took_must_be_accepted_here),
	    cmocka_unit_test(test_an_absurd_number_is_no_floor),
	    cmocka_unit_test(test_who_waits_waits_no_longer),
	    cmocka_unit_test(test_taken_waits_for_what_the_other_brings),
	    cmocka_unit_test(test_who_took_it_may_die),
	    cmocka_unit_test(test_without_hurry_it_is_left_to_the_other),
	    cmocka_unit_test(test_a_check_of_another_is_a_refresh),
	    cmocka_unit_test(test_a_check_of_the_future_is_none),
	    cmocka_unit_test(test_news_are_got_at_a_moment_of_ones_own),
	    cmocka_unit_test(test_a_failure_is_told_with_its_end),
	    cmocka_unit_test(test_sharing_ends_at_any_time),
	    cmocka_unit_test(test_the_store_opens_no_way_for_others),
	    cmocka_unit_test(test_a_pointer_adds_no_header),
	    cmocka_unit_test(test_a_store_that_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
