/*
 * Three engines in one process that share what they get: this test is what
 * travels between them, a real nginx keeps the bytes, and the CA's server
 * counts. No engine has a state directory: each is a machine with an empty
 * disk.
 */
#include "tests/lib/objects.h"
#include "tests/net/library/asking.h"

#include <pthread.h>
#include <stdbool.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define ENGINES 4
#define SOURCES 8

static struct issuer root, ca, a, b;
static const long none[] = {0}, lists_b[] = {11, 0};

static struct objects store;

/* What travels between the engines. */
struct member {
	struct fleet *fleet;
	struct revcheck *rc;
	bool gone; /* hears nothing any more; speaks until it is freed */
	char name[16];
};
struct fleet {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct member member[ENGINES];
	size_t num;
	struct {
		unsigned char id[32];
		bool has, taken;
		struct revcheck_pointer pointer;
	} source[SOURCES];
	size_t num_sources;
	unsigned claims, told;
	struct revcheck_told last;
};
static struct fleet fleet = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

/* Locked. */
static size_t
source_of(struct fleet *f, const unsigned char id[32])
{
	size_t i = 0;

	while (i < f->num_sources && memcmp(f->source[i].id, id, 32) != 0)
		i++;
	if (i == f->num_sources) {
		if (i == SOURCES)
			abort();
		f->num_sources++;
		memcpy(f->source[i].id, id, 32);
		f->source[i].has = f->source[i].taken = false;
	}
	return i;
}

/* Under the lock, so that none of them goes away meanwhile. */
static void
tell_others(const struct member *m, const unsigned char source[32])
{
	struct fleet *f = m->fleet;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->num; i++)
		if (!f->member[i].gone && &f->member[i] != m)
			revcheck_shared_told(f->member[i].rc, source);
	pthread_cond_broadcast(&f->cond);
	pthread_mutex_unlock(&f->lock);
}

static int
newest(void *arg, const unsigned char source[32], struct revcheck_pointer *out)
{
	struct member *m = arg;
	size_t i;
	int has;

	pthread_mutex_lock(&m->fleet->lock);
	i = source_of(m->fleet, source);
	has = m->fleet->source[i].has;
	if (has)
		*out = m->fleet->source[i].pointer;
	pthread_mutex_unlock(&m->fleet->lock);
	return has;
}

static void
claim(void *arg, const unsigned char source[32], uint64_t ticket)
{
	struct member *m = arg;
	size_t i;
	bool won;

	pthread_mutex_lock(&m->fleet->lock);
	i = source_of(m->fleet, source);
	won = !m->fleet->source[i].taken;
	m->fleet->source[i].taken = true;
	m->fleet->claims++;
	pthread_cond_broadcast(&m->fleet->cond);
	pthread_mutex_unlock(&m->fleet->lock);
	revcheck_shared_claimed(m->rc, source, ticket,
	    won ? REVCHECK_CLAIM_WON : REVCHECK_CLAIM_TAKEN, 0);
}

static void
published(void *arg, const unsigned char source[32],
    const struct revcheck_pointer *p, int changed)
{
	struct member *m = arg;
	size_t i;

	(void)changed;
	pthread_mutex_lock(&m->fleet->lock);
	i = source_of(m->fleet, source);
	m->fleet->source[i].pointer = *p;
	m->fleet->source[i].has = true;
	pthread_mutex_unlock(&m->fleet->lock);
	tell_others(m, source);
}

static void
released(
    void *arg, const unsigned char source[32], const char *failed, time_t until)
{
	struct member *m = arg;

	(void)failed;
	(void)until;
	pthread_mutex_lock(&m->fleet->lock);
	m->fleet->source[source_of(m->fleet, source)].taken = false;
	pthread_mutex_unlock(&m->fleet->lock);
	tell_others(m, source);
}

static void
revoked(void *arg, const struct revcheck_told *told)
{
	struct member *m = arg;
	struct fleet *f = m->fleet;
	struct revcheck_told t = *told;

	assert_string_equal(told->by, "");
	snprintf(t.by, sizeof(t.by), "%s", m->name);
	pthread_mutex_lock(&f->lock);
	f->told++;
	f->last = t;
	for (size_t i = 0; i < f->num; i++)
		if (!f->member[i].gone && &f->member[i] != m &&
		    revcheck_told_revoked(f->member[i].rc, &t, NULL) < 0)
			abort();
	pthread_cond_broadcast(&f->cond);
	pthread_mutex_unlock(&f->lock);
}

static void
await(const unsigned *what, unsigned num)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&fleet.lock);
	while (*what < num)
		if (pthread_cond_timedwait(&fleet.cond, &fleet.lock, &until) !=
		    0) {
			pthread_mutex_unlock(&fleet.lock);
			fail_msg("%u of %u came", *what, num);
		}
	pthread_mutex_unlock(&fleet.lock);
}

static struct revcheck_shared
shared_of(struct member *m)
{
	return (struct revcheck_shared){.size = sizeof(struct revcheck_shared),
	    .arg = m,
	    .newest = newest,
	    .claim = claim,
	    .published = published,
	    .released = released,
	    .revoked = revoked,
	    .claim_wait_ms = WAIT_MS,
	    .store_url = store.url};
}

/* One more engine, which has nothing. */
static struct revcheck *
join(void)
{
	struct member *m = &fleet.member[fleet.num];
	struct revcheck_shared s = shared_of(m);
	struct revcheck_error err;
	time_t kept = (time_t)atomic_load(&now);

	*m = (struct member){.fleet = &fleet};
	snprintf(m->name, sizeof(m->name), "gw-%zu", fleet.num);
	m->rc = engine_new();
	atomic_store(&now, kept);
	if (revcheck_set_shared(m->rc, &s, &err) != 0)
		fail_msg("%s", err.msg);
	pthread_mutex_lock(&fleet.lock);
	fleet.num++;
	pthread_mutex_unlock(&fleet.lock);
	return m->rc;
}

static void
leave(size_t i)
{
	struct member *m = &fleet.member[i];

	pthread_mutex_lock(&fleet.lock);
	m->gone = true;
	pthread_mutex_unlock(&fleet.lock);
	revcheck_free(m->rc);
	m->rc = NULL;
}

static void
all_leave(void)
{
	for (size_t i = 0; i < fleet.num; i++)
		leave(i);
	fleet.num = fleet.num_sources = 0;
	fleet.claims = fleet.told = 0;
}

static void
serve(long number, const long *serials, time_t from)
{
	struct issuer_crl list = {.by = &ca,
	    .number = number,
	    .serials = serials,
	    .reason = 1,
	    .from = from,
	    .next = t0 + 9 * DAY};

	issuer_write_crl("www/ca.crl", &list);
}

static void
begin(size_t engines)
{
	all_leave();
	atomic_store(&now, t0);
	control(&http, "/_script", "/ca.crl origin");
	control(&http, "/_listen/on", "");
	control(&http, "/_reset", "");
	objects_forget(&store);
	serve(5, none, t0 - HOUR);
	for (size_t i = 0; i < engines; i++)
		(void)join();
}

static struct revcheck_stats
stats(struct revcheck *rc)
{
	struct revcheck_stats s = {.size = sizeof(s)};

	revcheck_get_stats(rc, &s);
	return s;
}

#define AWAIT_STAT(rc, member, num)                                       \
	do {                                                              \
		for (int i_ = 0;                                          \
		     i_ < WAIT_MS / 10 && stats(rc).member < (num); i_++) \
			usleep(10000);                                    \
		assert_int_equal(stats(rc).member, num);                  \
	} while (0)

/* A refresh by hand has a floor of a second: again, until the CA was asked. */
static void
refresh(size_t i, unsigned long num)
{
	for (int k = 0; k < WAIT_MS / 10 && hits(&http, "/ca.crl") < num; k++) {
		if (k % 300 == 0)
			assert_int_equal(revcheck_archive_refresh(
					     fleet.member[i].rc, NULL, NULL),
			    0);
		usleep(10000);
	}
	assert_int_equal(hits(&http, "/ca.crl"), num);
}

static struct revcheck_result
ask_b(struct revcheck *rc)
{
	return ask(rc, OF(&b, &ca), NULL, NULL);
}

static void *
asks_a(void *arg)
{
	struct revcheck_result r = ask(arg, OF(&a, &ca), NULL, NULL);

	if (r.status != REVCHECK_GOOD)
		fprintf(stderr, "# %s\n", r.text);
	return r.status == REVCHECK_GOOD ? arg : NULL;
}

/* Tests. */

static void
one_fetch_for_all(void **state)
{
	pthread_t thread[3];
	uint64_t blobs = 0, puts = 0;
	void *good;

	(void)state;
	begin(3);
	control(&http, "/_script", "/ca.crl gate=all");
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, asks_a,
				     fleet.member[i].rc),
		    0);
	/* One of them asks the CA, and the others have been told so. */
	hits_await(&http, 1, "/ca.crl");
	for (int i = 0; i < WAIT_MS / 10; i++) {
		uint64_t taken = 0;

		for (int k = 0; k < 3; k++)
			taken += stats(fleet.member[k].rc).claims_taken;
		if (taken >= 2)
			break;
		usleep(10000);
	}
	control(&http, "/_release/all", "");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(thread[i], &good), 0);
		assert_non_null(good);
	}
	for (int i = 0; i < 3; i++) {
		blobs += stats(fleet.member[i].rc).shared_blobs;
		puts += stats(fleet.member[i].rc).shared_puts;
	}
	assert_int_equal(hits(&http, "/ca.crl"), 1);
	assert_true(blobs >= 2);
	assert_true(puts >= 1);
	/* A refresh: one of them asks, and it is one for all. */
	atomic_fetch_add(&now, HOUR);
	refresh(0, 2);
	for (int i = 1; i < 3; i++)
		AWAIT_STAT(fleet.member[i].rc, shared_pointers, 2);
	assert_int_equal(hits(&http, "/ca.crl"), 2);
	assert_int_equal(stats(fleet.member[0].rc).fetches_304, 2);
	/* And what is new comes to all by one fetch. */
	serve(6, lists_b, t0 - HOUR + 60);
	atomic_fetch_add(&now, HOUR);
	refresh(2, 3);
	for (int i = 0; i < 3; i++) {
		struct revcheck_result r;

		for (int k = 0; k < WAIT_MS / 10; k++) {
			r = ask_b(fleet.member[i].rc);
			if (r.status == REVCHECK_REVOKED)
				break;
			usleep(10000);
		}
		expect("b", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	}
	assert_int_equal(hits(&http, "/ca.crl"), 3);
	all_leave();
}

/* The CA is gone and the disk is empty: good through the store. */
static void
a_newcomer_needs_no_ca(void **state)
{
	struct revcheck_result r;
	struct revcheck *rc;

	(void)state;
	begin(1);
	assert_non_null(asks_a(fleet.member[0].rc));
	AWAIT_STAT(fleet.member[0].rc, shared_puts, 2);
	control(&http, "/_listen/off", "");
	rc = join();
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	expect("a", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	assert_int_equal(r.source, REVCHECK_SOURCE_NETWORK);
	assert_string_equal(r.url, url("ca.crl"));
	/* What is in the store is not believed: another's bytes are no answer.
	 */
	objects_spoil(&store);
	rc = join();
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	assert_true(stats(rc).shared_refused > 0);
	control(&http, "/_listen/on", "");
	all_leave();
}

/* Who has the claim goes away in the middle: another fetches. */
static void
a_claimant_may_go(void **state)
{
	struct revcheck *rc;
	pthread_t thread[2];
	void *good;

	(void)state;
	begin(2);
	rc = fleet.member[1].rc;
	control(&http, "/_script", "/ca.crl never ; origin");
	assert_int_equal(
	    pthread_create(&thread[0], NULL, asks_a, fleet.member[0].rc), 0);
	hits_await(&http, 1, "/ca.crl");
	assert_int_equal(pthread_create(&thread[1], NULL, asks_a, rc), 0);
	for (int i = 0; i < WAIT_MS / 10 && stats(rc).claims_taken == 0; i++)
		usleep(10000);
	leave(0);
	assert_int_equal(pthread_join(thread[0], &good), 0);
	assert_null(good);
	assert_int_equal(pthread_join(thread[1], &good), 0);
	assert_non_null(good);
	assert_int_equal(hits(&http, "/ca.crl"), 2);
	all_leave();
}

/* Found by one, refused by all: by its word at first, by proof in the end. */
static void
found_by_one_refused_by_all(void **state)
{
	struct revcheck_result r;

	(void)state;
	begin(3);
	for (int i = 0; i < 3; i++) {
		r = ask_b(fleet.member[i].rc);
		expect("before", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
	}
	serve(6, lists_b, t0 - HOUR + 60);
	refresh(0, 2);
	for (int k = 0; k < WAIT_MS / 10; k++) {
		r = ask_b(fleet.member[0].rc);
		if (r.status == REVCHECK_REVOKED)
			break;
		usleep(10000);
	}
	expect("by proof", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	assert_int_equal(r.method, REVCHECK_METHOD_CRL);
	await(&fleet.told, 1);
	assert_int_equal(fleet.last.serial_len, 1);
	assert_int_equal(fleet.last.serial[0], 11);
	assert_int_equal(fleet.last.reason, 1);
	assert_string_equal(fleet.last.number, "06");
	assert_int_equal(fleet.last.this_update, t0 - HOUR + 60);
	assert_true(fleet.last.not_after > t0 + 200 * DAY);
	for (int i = 1; i < 3; i++) {
		for (int k = 0; k < WAIT_MS / 10; k++) {
			r = ask_b(fleet.member[i].rc);
			if (r.method == REVCHECK_METHOD_CRL)
				break;
			usleep(10000);
		}
		expect("all", &r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
		assert_int_equal(r.method, REVCHECK_METHOD_CRL);
	}
	/* Each has its proof; the word was said once. */
	assert_int_equal(fleet.told, 1);
	all_leave();
}

/* The word that gw-9 would say of b. */
static struct revcheck_told
word_of(time_t this_update, const char *number)
{
	struct revcheck_told t = {.size = sizeof(t),
	    .serial = {11},
	    .serial_len = 1,
	    .reason = 1,
	    .revoked_at = t0 - DAY,
	    .this_update = this_update,
	    .by = "gw-9"};
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca.cert), &der);

	assert_true(len > 0);
	assert_int_equal(EVP_Digest(der, (size_t)len, t.issuer_key, NULL,
			     EVP_sha256(), NULL),
	    1);
	OPENSSL_free(der);
	snprintf(t.number, sizeof(t.number), "%s", number);
	snprintf(t.url, sizeof(t.url), "%s\n", url("ca.crl"));
	return t;
}

static void
expect_word(const char *what, const struct revcheck_result *r)
{
	expect(what, r, REVCHECK_REVOKED, REVCHECK_WHY_NONE);
	assert_int_equal(r->method, REVCHECK_METHOD_FLEET);
	assert_string_equal(revcheck_method_name(r->method), "fleet");
	assert_non_null(strstr(r->text, "gw-9"));
	assert_non_null(strstr(r->text, "/ca.crl"));
	/* A line of another machine's does not go on in ours. */
	assert_null(strchr(r->url, '\n'));
	assert_null(strchr(r->text, '\n'));
}

static int
tell(struct revcheck *rc, struct revcheck_told t)
{
	struct revcheck_error err;
	int news = revcheck_told_revoked(rc, &t, &err);

	if (news < 0)
		fail_msg("%s", err.msg);
	return news;
}

/* Before and after one's own evidence, older, as new, and newer than it. */
static void
a_word_in_every_order(void **state)
{
	static const struct {
		const char *name;
		long after_sec; /* of the word, after the evidence */
		const char *number;
		bool counts;
	} rows[] = {
	    {"older word", -60, "FF", false},
	    {"as new, lower number", 0, "4", false},
	    {"as new, same number", 0, "5", false},
	    {"as new, no number", 0, "", false},
	    {"as new, higher number", 0, "6", true},
	    {"newer word", 60, "6", true},
	    {"newer word of a lower number", 60, "1", true},
	    {"far in the future", 900 * DAY, "7f7f7f7f7f7f", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int word_first = 0; word_first < 2; word_first++) {
			struct revcheck_told t = word_of(
			    t0 - HOUR + rows[i].after_sec, rows[i].number);
			struct revcheck_result r;
			struct revcheck *rc;

			begin(0);
			rc = engine_new();
			if (!word_first) {
				r = ask_b(rc);
				expect(rows[i].name, &r, REVCHECK_GOOD,
				    REVCHECK_WHY_NONE);
			}
			assert_int_equal(tell(rc, t), 1);
			assert_int_equal(tell(rc, t), 0);
			assert_int_equal(stats(rc).told_revoked, 1);
			r = ask_b(rc);
			if (!rows[i].counts)
				expect(rows[i].name, &r, REVCHECK_GOOD,
				    REVCHECK_WHY_NONE);
			else
				expect_word(rows[i].name, &r);
			/* It says nothing of another. */
			assert_non_null(asks_a(rc));
			/* What is as new or newer takes its place, for good. */
			serve(9, none, t0 + HOUR);
			atomic_store(&now, t0 + 2 * HOUR);
			assert_int_equal(
			    revcheck_archive_flush(rc, NULL, NULL), 0);
			r = ask_b(rc);
			expect(
			    rows[i].name, &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
			assert_int_equal(stats(rc).told_revoked, 0);
			revcheck_free(rc);
		}
}

/* Without evidence of one's own, in every mode that asks; and forgotten. */
static void
a_word_where_there_is_nothing(void **state)
{
	struct revcheck_told t = word_of(t0 - HOUR, "5");
	struct revcheck_result r;
	struct revcheck *rc;

	(void)state;
	begin(0);
	assert_int_equal(unlink("www/ca.crl"), 0);
	rc = engine_new();
	assert_int_equal(tell(rc, t), 1);
	r = ask_b(rc);
	expect_word("nothing", &r);
	r = ask_query(rc, OF(&b, &ca), NULL,
	    (struct revcheck_query){.mode = REVCHECK_MODE_SOFT_FAIL});
	expect_word("soft", &r);
	/* Not about another time, and not for another's serial or issuer. */
	r = ask_query(
	    rc, OF(&b, &ca), NULL, (struct revcheck_query){.at = t0 - DAY});
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	r = ask(rc, OF(&a, &ca), NULL, NULL);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	/* An operator takes it back. */
	{
		char key[65];

		for (int i = 0; i < 32; i++)
			snprintf(key + 2 * i, 3, "%02x", t.issuer_key[i]);
		assert_int_equal(
		    revcheck_archive_forget(rc, key, "0B", NULL), 1);
	}
	r = ask_b(rc);
	assert_int_equal(r.status, REVCHECK_UNKNOWN);
	revcheck_free(rc);
}

struct watched {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	const unsigned char (*ids)[32];
	size_t num;
	uint64_t change;
};

static void
watch(void *arg, const unsigned char *source, uint64_t change)
{
	struct watched *w = arg;
	bool mine = source == NULL;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; source != NULL && i < w->num; i++)
		mine = mine || memcmp(w->ids[i], source, 32) == 0;
	if (mine)
		w->change = change;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

/* Who is in already is told that there is something to ask about. */
static void
a_word_reaches_who_is_in(void **state)
{
	struct watched w = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER};
	X509 *chain[] = {b.cert, ca.cert};
	struct revcheck_query q = {.size = sizeof(q), .trust = trust};
	struct revcheck_certs *certs;
	struct revcheck_report *rep;
	struct revcheck_error err;
	struct timespec until;
	struct revcheck *rc;
	uint64_t before;

	(void)state;
	begin(1);
	rc = fleet.member[0].rc;
	assert_int_equal(revcheck_certs_from_x509(&certs, chain, 2, NULL), 0);
	q.chain = certs;
	assert_int_equal(revcheck_check(rc, &rep, &q, &err), 0);
	assert_int_equal(revcheck_report_status(rep), REVCHECK_GOOD);
	w.num = revcheck_report_sources(rep, &w.ids);
	before = revcheck_report_changes(rep);
	revcheck_watch(rc, watch, &w);
	assert_int_equal(tell(rc, word_of(t0, "6")), 1);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&w.lock);
	while (w.change <= before &&
	    pthread_cond_timedwait(&w.cond, &w.lock, &until) == 0)
		continue;
	assert_true(w.change > before);
	pthread_mutex_unlock(&w.lock);
	revcheck_watch(rc, NULL, NULL);
	revcheck_report_free(rep);
	assert_int_equal(revcheck_check(rc, &rep, &q, &err), 0);
	assert_int_equal(revcheck_report_allows(rep), 0);
	assert_non_null(strstr(revcheck_report_text(rep), "gw-9"));
	revcheck_report_free(rep);
	revcheck_certs_free(certs);
	all_leave();
}

static void
what_is_no_word_is_refused(void **state)
{
	struct revcheck_told good = word_of(t0, "6"), t;
	struct revcheck *rc = engine_new();
	struct revcheck_error err;

	(void)state;
	t = good;
	t.serial_len = 0;
	assert_int_equal(revcheck_told_revoked(rc, &t, &err), REVCHECK_E_ARG);
	t.serial_len = sizeof(t.serial) + 1;
	assert_int_equal(revcheck_told_revoked(rc, &t, &err), REVCHECK_E_ARG);
	t = good;
	t.serial[0] = 0;
	assert_int_equal(revcheck_told_revoked(rc, &t, &err), REVCHECK_E_ARG);
	t = good;
	t.this_update = 0;
	assert_int_equal(revcheck_told_revoked(rc, &t, &err), REVCHECK_E_ARG);
	/* An older caller's structure ends where its size says. */
	t = good;
	t.size = offsetof(struct revcheck_told, this_update);
	assert_int_equal(revcheck_told_revoked(rc, &t, &err), REVCHECK_E_ARG);
	/* Texts without an end. */
	t = good;
	memset(t.by, 'x', sizeof(t.by));
	memset(t.url, 'x', sizeof(t.url));
	memset(t.number, 'x', sizeof(t.number));
	memset(t.issuer, 'x', sizeof(t.issuer));
	assert_int_equal(revcheck_told_revoked(rc, &t, &err), 1);
	assert_int_equal(stats(rc).told_revoked, 1);
	revcheck_free(rc);
}

static void
options_are_looked_at(void **state)
{
	struct revcheck_options o = {.size = sizeof(o)};
	struct member m = {.fleet = &fleet};
	struct revcheck_shared s = shared_of(&m);
	struct revcheck_error err;
	struct revcheck *rc;

	(void)state;
	o.shared = &s;
	assert_int_equal(revcheck_check_options(&o, &err), 0);
	assert_int_equal(revcheck_new(&rc, &o, &err), 0);
	assert_int_equal(revcheck_set_shared(rc, NULL, &err), 0);
	assert_int_equal(revcheck_set_shared(rc, NULL, &err), 0);
	s.store_url = "http://store.example/";
	s.store_credentials = "user:secret";
	assert_int_equal(revcheck_check_options(&o, &err), REVCHECK_E_ARG);
	assert_null(strstr(err.msg, "secret"));
	assert_int_equal(revcheck_set_shared(rc, &s, &err), REVCHECK_E_ARG);
	revcheck_free(rc);
	assert_int_equal(revcheck_new(&rc, &o, &err), REVCHECK_E_ARG);
	s = shared_of(&m);
	s.revoked = NULL;
	assert_int_equal(revcheck_check_options(&o, &err), REVCHECK_E_ARG);
	/* A caller that knows less of it. */
	s = shared_of(&m);
	s.size = offsetof(struct revcheck_shared, claim_wait_ms);
	s.store_url = "nonsense";
	assert_int_equal(revcheck_check_options(&o, &err), 0);
}

/* A server that writes down what it is asked, and has no object. */
struct recorder {
	int fd, port;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	char heads[16384];
};

static void
record_one(struct recorder *r, int fd)
{
	static const char answer[] = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n"
				     "Connection: close\r\n\r\n",
			  made[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
				   "Connection: close\r\n\r\n";
	char buf[65536], *end = NULL, *length;
	size_t len = 0, want = 0;
	ssize_t n;

	while (end == NULL || len < want) {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			return;
		len += (size_t)n;
		buf[len] = '\0';
		end = strstr(buf, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strstr(buf, "Content-Length: ");
		want = (size_t)(end + 4 - buf) +
		    (length != NULL && length < end
			    ? strtoul(length + 16, NULL, 10)
			    : 0);
	}
	end[4] = '\0';
	pthread_mutex_lock(&r->lock);
	strncat(r->heads, buf, sizeof(r->heads) - strlen(r->heads) - 1);
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
	if (strncmp(buf, "PUT ", 4) == 0)
		(void)!write(fd, made, sizeof(made) - 1);
	else
		(void)!write(fd, answer, sizeof(answer) - 1);
}

static void *
record(void *arg)
{
	struct recorder *r = arg;
	int fd;

	while ((fd = accept(r->fd, NULL, NULL)) >= 0) {
		record_one(r, fd);
		close(fd);
	}
	return NULL;
}

static void
recorder_start(struct recorder *r)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);

	*r = (struct recorder){.lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER};
	r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(r->fd, 16), 0);
	assert_int_equal(getsockname(r->fd, (struct sockaddr *)&in, &len), 0);
	r->port = ntohs(in.sin_port);
	assert_int_equal(pthread_create(&r->thread, NULL, record, r), 0);
}

static void
recorder_stop(struct recorder *r)
{
	shutdown(r->fd, SHUT_RDWR);
	pthread_join(r->thread, NULL);
	close(r->fd);
}

/* Credentials go to the store, signed or plain, and nowhere else. */
static void
credentials_are_the_stores_alone(void **state)
{
	static const char *const wants[][2] = {
	    {"AWS4-HMAC-SHA256 Credential=key/", "/eu-1/s3/aws4_request"},
	    {"Authorization: Basic a2V5OnNlY3JldA==", ""},
	    {"Authorization: Bearer token", ""},
	};

	(void)state;
	for (int how = 0; how < 3; how++) {
		struct recorder of_store, of_ca;
		struct revcheck_shared s;
		struct revcheck_result r;
		struct issuer x;
		char at[64], crl[128], name[128], *put;

		begin(0);
		recorder_start(&of_store);
		recorder_start(&of_ca);
		/* The first URL is the recorder's, which has nothing. */
		snprintf(crl, sizeof(crl), "http://127.0.0.1:%d/x.crl|%.40s",
		    of_ca.port, url("ca.crl"));
		cert_by(&x, &ca, NULL, "x", 20 + how, SIGNS, crl);
		snprintf(at, sizeof(at), "http://127.0.0.1:%d/bucket",
		    of_store.port);
		(void)join();
		s = shared_of(&fleet.member[0]);
		s.store_url = at;
		if (how < 2)
			s.store_credentials = "key:secret";
		if (how == 0)
			s.store_region = "eu-1";
		if (how == 2)
			s.store_header = "Authorization: Bearer token";
		assert_int_equal(
		    revcheck_set_shared(fleet.member[0].rc, &s, NULL), 0);
		r = ask(fleet.member[0].rc, OF(&x, &ca), NULL, NULL);
		expect("x", &r, REVCHECK_GOOD, REVCHECK_WHY_NONE);
		AWAIT_STAT(fleet.member[0].rc, shared_puts, 2);
		put = strstr(of_store.heads, "PUT /bucket/");
		assert_non_null(put);
		assert_non_null(strstr(put, wants[how][0]));
		assert_non_null(strstr(put, wants[how][1]));
		if (how == 0) {
			snprintf(name, sizeof(name),
			    "x-amz-content-sha256: %.64s", put + 12);
			assert_non_null(strstr(put, name));
		}
		assert_null(strstr(of_store.heads, "secret"));
		assert_non_null(strstr(of_ca.heads, "GET /x.crl"));
		assert_null(strstr(of_ca.heads, "uthorization"));
		assert_null(strstr(of_ca.heads, "amz"));
		all_leave();
		recorder_stop(&of_store);
		recorder_stop(&of_ca);
		issuer_cleanup(&x);
	}
}

static int
setup(void **state)
{
	(void)state;
	scene_start();
	cert_by(&root, NULL, NULL, "root", 1, ISSUES, NULL);
	cert_by(&ca, &root, NULL, "ca", 3, ISSUES, url("root.crl"));
	cert_by(&a, &ca, NULL, "a", 10, SIGNS, url("ca.crl"));
	cert_by(&b, &ca, NULL, "b", 11, SIGNS, url("ca.crl"));
	issuer_write_crl("www/root.crl",
	    &(struct issuer_crl){.by = &root,
		.number = 1,
		.from = t0 - HOUR,
		.next = t0 + 90 * DAY});
	objects_start(&store);
	return revcheck_trust_new(&trust, &root.cert, 1, NULL);
}

static int
teardown(void **state)
{
	struct issuer *made[] = {&root, &ca, &a, &b, NULL};

	(void)state;
	objects_stop(&store);
	return scene_stop_with(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_fetch_for_all),
	    cmocka_unit_test(a_newcomer_needs_no_ca),
	    cmocka_unit_test(a_claimant_may_go),
	    cmocka_unit_test(found_by_one_refused_by_all),
	    cmocka_unit_test(a_word_in_every_order),
	    cmocka_unit_test(a_word_where_there_is_nothing),
	    cmocka_unit_test(a_word_reaches_who_is_in),
	    cmocka_unit_test(what_is_no_word_is_refused),
	    cmocka_unit_test(options_are_looked_at),
	    cmocka_unit_test(credentials_are_the_stores_alone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
