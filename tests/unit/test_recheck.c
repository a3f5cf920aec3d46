/*
 * recheck: rounds of questions over live connections. The questions end here
 * instead of in the engine, so that a round can be held open and looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>

#include "cache/base/clock.h"
#include "gateway/base/chain_end.h"
#include "gateway/base/pending_check.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn_event.h"
#include "gateway/dataplane/conn_list.h"
#include "gateway/dataplane/recheck.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/worker.h"
#include "gateway/observe/decision_ring.h"
#include "tests/lib/issuer.h"

#define MANY 200 /* more than may wait at once */

/* In the place of base/pending_check. */

struct pending_check {
	pending_check_fn *fn;
	void *asker;
	const struct revcheck_certs *chain;
	const struct revcheck_trust *trust;
	enum revcheck_mode mode;
	bool dropped;
};

static struct pending_check *asked[8 * MANY];
static size_t num_asked;
static int answer; /* of pending_check_ask */

int
pending_check_ask(struct pending_check **out, struct revcheck_report **report,
    struct revcheck *rc, const struct revcheck_query *query,
    struct event_base *base, pending_check_fn *fn, void *asker,
    struct revcheck_error *err)
{
	struct pending_check *p;

	(void)rc;
	(void)base;
	*out = NULL;
	*report = NULL;
	if (answer < 0) {
		strcpy(err->msg, "no room for a question");
		return answer;
	}
	assert_true(num_asked < sizeof(asked) / sizeof(asked[0]));
	p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->fn = fn;
	p->asker = asker;
	p->chain = query->chain;
	p->trust = query->trust;
	p->mode = query->mode;
	asked[num_asked++] = p;
	*out = p;
	return REVCHECK_PENDING;
}

void
pending_check_drop(struct pending_check *p)
{
	if (p != NULL)
		p->dropped = true;
}

/* The world. */

static struct issuer ca, leaf, expired, named;
static struct worker *w; /* its env has no engine: nothing reaches it */
static struct conn conns[MANY];
static struct revcheck *engine;
static struct revcheck_report *good, *unknown, *rests;
static struct log log_none;
static struct conf *conf;
static struct runtime *runtime;

static void
log_nothing(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static struct revcheck_certs *
path_of(const struct issuer *who)
{
	X509 *v[] = {who->cert, ca.cert};
	struct revcheck_certs *certs;

	assert_int_equal(revcheck_certs_from_x509(&certs, v, 2, NULL), 0);
	return certs;
}

/* What the engine says of it in this mode, without any evidence. */
static struct revcheck_report *
report_of(const struct issuer *who, struct revcheck_trust *trust,
    enum revcheck_mode mode)
{
	struct revcheck_certs *certs = path_of(who);
	struct revcheck_query query = {.size = sizeof(query),
	    .chain = certs,
	    .trust = trust,
	    .mode = mode,
	    .flags = REVCHECK_QUERY_PATH_VERIFIED | REVCHECK_QUERY_OFFLINE};
	struct revcheck_report *report;

	assert_int_equal(revcheck_check(engine, &report, &query, NULL), 0);
	revcheck_certs_free(certs);
	return report;
}

static void
make_reports(struct revcheck_trust *trust)
{
	struct revcheck_options options = {.size = sizeof(options)};

	assert_int_equal(revcheck_new(&engine, &options, NULL), 0);
	good = report_of(&leaf, trust, REVCHECK_MODE_OFF);
	unknown = report_of(&leaf, trust, REVCHECK_MODE_HARD_FAIL);
	assert_int_equal(revcheck_report_allows(good), 1);
	assert_int_equal(revcheck_report_allows(unknown), 0);
	assert_int_equal(revcheck_report_status(unknown), REVCHECK_UNKNOWN);
	rests = report_of(&named, trust, REVCHECK_MODE_SOFT_FAIL);
}

static int
setup(void **state)
{
	time_t now = time(NULL);
	const struct issuer_cert how_ca = {.cn = "ca",
	    .serial = 1,
	    .from = now - 3600,
	    .to = now + 3600,
	    .constraints = "critical,CA:TRUE"};
	struct issuer_cert how_leaf = {
	    .cn = "leaf", .serial = 2, .from = now - 3600, .to = now + 3600};

	(void)state;
	issuer_init(&ca, &how_ca);
	how_leaf.by = &ca;
	issuer_init(&leaf, &how_leaf);
	how_leaf.to = now - 1;
	issuer_init(&expired, &how_leaf);
	how_leaf.to = now + 3600;
	how_leaf.crl_url = "http://crl.example/ca.crl";
	issuer_init(&named, &how_leaf);
	log_none = (struct log){.fn = log_nothing, .level = LOG_LEVEL_ERROR};
	conf = calloc(1, sizeof(*conf));
	runtime = calloc(1, sizeof(*runtime));
	w = calloc(1, sizeof(*w));
	assert_true(conf != NULL && runtime != NULL && w != NULL);
	ref_init(&conf->ref);
	ref_init(&runtime->ref);
	conf->tls.mode = REVCHECK_MODE_SOFT_FAIL;
	runtime->conf = conf;
	assert_int_equal(
	    revcheck_trust_new(&runtime->trust, &ca.cert, 1, NULL), 0);
	make_reports(runtime->trust);
	w->base = event_base_new();
	assert_int_equal(recheck_init(w, NULL), 0);
	w->runtime = runtime;
	w->log = &log_none;
	assert_int_equal(decision_ring_new(&w->decisions, 8, NULL), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	decision_ring_free(w->decisions);
	recheck_cleanup(w);
	event_base_free(w->base);
	free(w);
	revcheck_report_free(good);
	revcheck_report_free(unknown);
	revcheck_report_free(rests);
	revcheck_free(engine);
	revcheck_trust_free(runtime->trust);
	free(runtime);
	free(conf);
	issuer_cleanup(&leaf);
	issuer_cleanup(&expired);
	issuer_cleanup(&named);
	issuer_cleanup(&ca);
	return 0;
}

static int
everybody_in(void **state)
{
	(void)state;
	answer = REVCHECK_PENDING;
	for (size_t i = 0; i < MANY; i++) {
		struct conn *c = &conns[i];

		*c = (struct conn){.inbound = true,
		    .state = CONN_RELAY,
		    .worker = w,
		    .runtime = runtime,
		    .trust = runtime->trust,
		    .certs = path_of(&leaf)};
		evtimer_assign(&c->ev_timer, w->base, on_timer, c);
		conn_list_add(w, c);
		assert_int_equal(source_index_join(w->sources, &c->answer), 0);
	}
	return 0;
}

static int
everybody_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		chain_poll_drop(&conns[i].recheck);
		event_del(&conns[i].ev_timer);
		conn_list_remove(w, &conns[i]);
		source_index_leave(w->sources, &conns[i].answer);
		revcheck_certs_free(conns[i].certs);
	}
	for (size_t i = 0; i < num_asked; i++)
		free(asked[i]);
	num_asked = 0;
	chain_poll_stop(&w->recheck);
	assert_int_equal(w->recheck.num_waiting, 0);
	return 0;
}

/* As far as it goes without an answer. */
static void
turn(void)
{
	while (event_base_loop(w->base, EVLOOP_NONBLOCK) == 0 &&
	    event_pending(w->recheck.turn, EV_TIMEOUT, NULL))
		;
}

static struct conn *
conn_of(const struct pending_check *p)
{
	const struct chain_poll_item *item = p->asker;

	return item->asker;
}

/* All that is asked is answered, until nothing more is: well, but for one. */
static void
answer_all_but(const struct conn *c)
{
	for (size_t i = 0; i < num_asked; i++) {
		if (!asked[i]->dropped)
			asked[i]->fn(asked[i]->asker,
			    conn_of(asked[i]) == c ? unknown : good);
		turn();
	}
}

static void
answer_all(void)
{
	answer_all_but(NULL);
}

static unsigned
times_asked(const struct conn *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < num_asked; i++)
		n += asked[i]->asker == &c->recheck;
	return n;
}

static void
a_round_asks_about_everybody_once(void **state)
{
	(void)state;
	recheck_begin(w);
	turn();
	/* Sources are not flooded: the first answer goes on with it. */
	assert_true(num_asked >= 1 && num_asked < MANY);
	answer_all();
	assert_false(w->recheck.running);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(times_asked(&conns[i]), 1);
		assert_false(conns[i].doomed);
	}
}

/*
 * What became known meanwhile was not known to those asked about already. Of
 * the others one question is enough.
 */
static void
a_round_that_is_wished_for_during_one_follows(void **state)
{
	size_t before;

	(void)state;
	recheck_begin(w);
	turn();
	before = num_asked;
	assert_true(before > 0 && before < MANY);
	recheck_begin(w);
	recheck_begin(w);
	turn();
	answer_all();
	assert_false(w->recheck.running);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(times_asked(&conns[i]), i < before ? 2 : 1);
}

/* Nobody stays for want of an answer. */
static void
who_cannot_be_asked_about_is_cut(void **state)
{
	(void)state;
	answer = REVCHECK_E_LIMIT;
	recheck_begin(w);
	turn();
	assert_false(w->recheck.running);
	for (size_t i = 0; i < MANY; i++)
		assert_true(conns[i].doomed);
}

/* What is not known here is asked of its source before it cuts anybody. */
static void
who_is_refused_is_cut(void **state)
{
	(void)state;
	recheck_begin(w);
	turn();
	answer_all_but(&conns[7]);
	assert_false(w->recheck.running);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(conns[i].doomed, i == 7);
		assert_int_equal(times_asked(&conns[i]), i == 7 ? 2 : 1);
	}
}

static void
who_has_expired_is_cut(void **state)
{
	(void)state;
	revcheck_certs_free(conns[7].certs);
	conns[7].certs = path_of(&expired);
	recheck_begin(w);
	turn();
	answer_all();
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(conns[i].doomed, i == 7);
	assert_int_equal(times_asked(&conns[7]), 0);
}

/* Who leaves makes room, and so does who is asked about anew. */
static void
who_does_not_wait_any_more_is_not_counted(void **state)
{
	size_t before;

	(void)state;
	recheck_begin(w);
	turn();
	before = num_asked;
	for (int k = 0; k < 3; k++)
		for (size_t i = 0; i < before; i++)
			recheck_ask(conn_of(asked[i]));
	assert_int_equal(w->recheck.num_waiting, before);
	for (size_t i = 0; i < before; i++)
		chain_poll_drop(&conn_of(asked[i])->recheck);
	assert_int_equal(w->recheck.num_waiting, 0);
	turn();
	answer_all();
	assert_false(w->recheck.running);
	for (size_t i = 0; i < MANY; i++)
		assert_true(times_asked(&conns[i]) > 0);
}

/* Before traffic it asks for itself; after its end it is not asked about. */
static void
only_who_is_live_is_asked_about(void **state)
{
	(void)state;
	conns[0].state = CONN_HANDSHAKE;
	conns[1].state = CONN_LINGER;
	conns[2].doomed = true;
	conns[3].state = CONN_HTTP;
	recheck_begin(w);
	turn();
	answer_all();
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(times_asked(&conns[i]), i < 3 ? 0 : 1);
}

/* A source changes that one of them rests on. */
static void
who_rests_on_what_changed_is_asked_about(void **state)
{
	const unsigned char(*ids)[32];
	struct conn *c = &conns[7];
	uint64_t change = revcheck_report_changes(rests) + 1;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		conns[i].state = i == 7 ? CONN_RELAY : CONN_LINGER;
	assert_int_equal(revcheck_report_sources(rests, &ids), 2);
	source_index_rest(w->sources, &c->answer, rests, 0);
	source_index_rest(w->sources, &conns[8].answer, rests, 0);
	conns[8].state = CONN_DIAL;
	source_index_changed(w->sources, ids[0], change);
	turn();
	assert_int_equal(num_asked, 1);
	assert_int_equal(times_asked(c), 1);
	/* Before traffic it asks for itself. */
	assert_true(conns[8].missed);
	/* What is asked goes on: its answer says whether it has that, too. */
	source_index_changed(w->sources, ids[0], change + 1);
	turn();
	assert_int_equal(num_asked, 1);
	asked[0]->fn(asked[0]->asker, rests); /* from memory */
	asked[1]->fn(asked[1]->asker, rests); /* at its source */
	turn();
	assert_false(c->doomed);
	assert_int_equal(times_asked(c), 3);
	/* But where everybody is asked, terms and trust may be others. */
	recheck_begin(w);
	turn();
	assert_true(asked[2]->dropped);
	assert_int_equal(times_asked(c), 4);
}

/* One that closes while the round stands at it. */
static void
a_round_goes_on_when_one_leaves(void **state)
{
	struct conn *c;

	(void)state;
	recheck_begin(w);
	turn();
	c = &conns[num_asked];
	assert_int_equal(times_asked(c), 0);
	conn_list_remove(w, c);
	source_index_leave(w->sources, &c->answer);
	answer_all();
	assert_false(w->recheck.running);
	assert_int_equal(times_asked(c), 0);
	assert_int_equal(num_asked, MANY - 1);
	conn_list_add(w, c);
	assert_int_equal(source_index_join(w->sources, &c->answer), 0);
}

/* The CA's certificate is renewed: its path ends in the new one from now on. */
static void
another_trust_has_a_path_of_its_own(void **state)
{
	time_t now = time(NULL);
	const struct issuer_cert how = {.cn = "ca",
	    .key = ca.key,
	    .serial = 3,
	    .from = now - 3600,
	    .to = now + 600,
	    .constraints = "critical,CA:TRUE"};
	struct conf *strict = calloc(1, sizeof(*strict));
	struct runtime other = {.conf = strict};
	struct conn *c = &conns[7];
	struct issuer renewed;

	(void)state;
	assert_non_null(strict);
	ref_init(&strict->ref);
	strict->tls.mode = REVCHECK_MODE_HARD_FAIL;
	issuer_init(&renewed, &how);
	ref_init(&other.ref);
	assert_int_equal(
	    revcheck_trust_new(&other.trust, &renewed.cert, 1, NULL), 0);
	runtime_up_ref(runtime);
	w->runtime = &other;
	recheck_ask(c);
	w->runtime = runtime;
	assert_ptr_equal(c->runtime, &other);
	assert_false(c->doomed);
	assert_int_equal(num_asked, 1);
	assert_ptr_equal(asked[0]->chain, c->certs);
	assert_ptr_equal(asked[0]->trust, other.trust);
	assert_int_equal(asked[0]->mode, REVCHECK_MODE_HARD_FAIL);
	assert_int_equal(
	    X509_cmp(revcheck_certs_get0(c->certs, 1), renewed.cert), 0);
	assert_int_equal(c->ends_at, now + 600);
	c->runtime = runtime;
	c->trust = runtime->trust;
	revcheck_trust_free(other.trust);
	free(strict);
	issuer_cleanup(&renewed);
}

/*
 * What a timer of a live connection does: nothing before the first of its
 * certificates ends; then it has the grace that others have.
 */
static void
the_end_of_a_certificate(void **state)
{
	struct conn *c = &conns[7];
	time_t ends = chain_ends_at(c->certs), now = time(NULL);
	uint64_t mono = 1000000, past;

	(void)state;
	conf->recheck.grace_ms = 60000;
	assert_int_equal(chain_ends_at(NULL), 0);
	c->ends_at = 0;
	assert_int_equal(recheck_due_mono_ms(c, mono, now), 0);
	assert_false(recheck_is_over(c, mono, now));
	/* Far ahead: looked at again before, as clocks may be set. */
	c->ends_at = ends;
	assert_int_equal(
	    recheck_due_mono_ms(c, mono, now), mono + RECHECK_LOOK_MS);
	assert_int_equal(recheck_due_mono_ms(c, mono, ends - 3), mono + 3000);
	assert_false(recheck_is_over(c, mono, ends - 1));
	assert_int_equal(num_asked, 0);
	/* Past it: verified anew, and it has really ended. */
	revcheck_certs_free(c->certs);
	c->certs = path_of(&expired);
	c->ends_at = chain_ends_at(c->certs);
	assert_true(c->ends_at < now && c->ends_at < ends);
	assert_int_equal(recheck_due_mono_ms(c, mono, now), mono);
	past = clock_mono_ms();
	assert_false(recheck_is_over(c, past, now));
	assert_true(c->doomed);
	assert_int_equal(num_asked, 0);
	assert_true(c->close_at_mono_ms >= past + 60000);
	assert_int_equal(
	    recheck_due_mono_ms(c, past, now), c->close_at_mono_ms);
	assert_false(recheck_is_over(c, c->close_at_mono_ms - 1, now));
	assert_true(recheck_is_over(c, c->close_at_mono_ms, now));
	conf->recheck.grace_ms = 0;
}

/* The anchor's end is an end, as verification has it. */
static void
the_end_of_an_anchor(void **state)
{
	struct issuer brief, below;
	time_t now = time(NULL);
	const struct issuer_cert how_ca = {.cn = "brief",
	    .serial = 1,
	    .from = now - 3600,
	    .to = now + 60,
	    .constraints = "critical,CA:TRUE"};
	const struct issuer_cert how = {.cn = "below",
	    .serial = 2,
	    .from = now - 3600,
	    .to = now + 3600,
	    .by = &brief};
	struct revcheck_certs *certs;
	X509 *v[2];

	(void)state;
	issuer_init(&brief, &how_ca);
	issuer_init(&below, &how);
	v[0] = below.cert;
	v[1] = brief.cert;
	assert_int_equal(revcheck_certs_from_x509(&certs, v, 2, NULL), 0);
	assert_int_equal(chain_ends_at(certs), now + 60);
	revcheck_certs_free(certs);
	issuer_cleanup(&below);
	issuer_cleanup(&brief);
}

#define ROUND(f) cmocka_unit_test_setup_teardown(f, everybody_in, everybody_out)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ROUND(a_round_asks_about_everybody_once),
	    ROUND(a_round_that_is_wished_for_during_one_follows),
	    ROUND(who_cannot_be_asked_about_is_cut),
	    ROUND(who_is_refused_is_cut),
	    ROUND(who_has_expired_is_cut),
	    ROUND(who_does_not_wait_any_more_is_not_counted),
	    ROUND(only_who_is_live_is_asked_about),
	    ROUND(who_rests_on_what_changed_is_asked_about),
	    ROUND(a_round_goes_on_when_one_leaves),
	    ROUND(another_trust_has_a_path_of_its_own),
	    ROUND(the_end_of_a_certificate),
	    cmocka_unit_test(the_end_of_an_anchor),
	};

	return cmocka_run_group_tests_name("recheck", tests, setup, teardown);
}
