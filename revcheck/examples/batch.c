/*
 * batch ANCHORS CHAIN...: asks about many chains at once from a libevent loop
 * that never waits for any of them, so many at a time. Prints a line for each,
 * in the order of the answers. Exit status 0 when all may come in.
 */
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/thread.h>

#include <revcheck.h>

#define AT_ONCE 8

struct batch {
	struct revcheck *rc;
	struct revcheck_trust *trust;
	struct event_base *base;
	char **names; /* of files, NULL-terminated */
	int pending, refused;
};

struct question {
	struct batch *batch;
	const char *name;
	struct revcheck_request *request;
};

static void ask_more(struct batch *b);

static void
say(struct batch *b, const char *name, const struct revcheck_report *report)
{
	printf("%s: %s\n", name, revcheck_report_text(report));
	if (!revcheck_report_allows(report))
		b->refused++;
}

/* On the loop's thread, once, never from inside revcheck_submit. */
static void
on_done(struct revcheck_report *report, void *arg)
{
	struct question *q = arg;
	struct batch *b = q->batch;

	say(b, q->name, report);
	revcheck_request_free(q->request);
	free(q);
	b->pending--;
	ask_more(b);
}

static void
ask(struct batch *b, const char *name)
{
	struct question *q = calloc(1, sizeof(*q));
	struct revcheck_certs *chain = NULL;
	struct revcheck_report *report = NULL;
	struct revcheck_error err = {.msg = "out of memory"};
	struct revcheck_query query = {.size = sizeof(query),
	    .trust = b->trust,
	    .mode = REVCHECK_MODE_HARD_FAIL};
	int n = REVCHECK_E_NOMEM;

	if (q != NULL)
		n = revcheck_certs_load(&chain, name, &err);
	if (n == 0) {
		*q = (struct question){.batch = b, .name = name};
		query.chain = chain;
		n = revcheck_submit(b->rc, &q->request, &report, &query,
		    b->base, on_done, q, &err);
	}
	/* The question has its own references. */
	revcheck_certs_free(chain);
	if (n == REVCHECK_PENDING) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): on_done has it */
		b->pending++;
		return;
	}
	if (n == REVCHECK_DONE) {
		say(b, name, report);
	} else {
		fprintf(stderr, "batch: %s\n", err.msg);
		b->refused++;
	}
	revcheck_report_free(report);
	free(q);
}

static void
ask_more(struct batch *b)
{
	while (*b->names != NULL && b->pending < AT_ONCE)
		ask(b, *b->names++);
}

int
main(int argc, char **argv)
{
	static const char *const local[] = {"127.0.0.1", NULL};
	struct revcheck_options options = {
	    .size = sizeof(options), .allow_addresses = local, .any_port = 1};
	struct revcheck_error err = {0};
	struct batch b = {.names = argv + 2};

	if (argc < 3) {
		fprintf(stderr, "usage: batch ANCHORS CHAIN...\n");
		return 2;
	}
	evthread_use_pthreads(); /* before the base is made */
	b.base = event_base_new();
	if (b.base == NULL || revcheck_new(&b.rc, &options, &err) != 0 ||
	    revcheck_trust_load(&b.trust, argv[1], &err) != 0) {
		fprintf(stderr, "batch: %s\n", err.msg);
		b.refused = 1;
	} else {
		ask_more(&b);
		/* Goes on as long as something is asked. */
		event_base_dispatch(b.base);
	}
	revcheck_trust_free(b.trust);
	revcheck_free(b.rc);
	if (b.base != NULL)
		event_base_free(b.base);
	return b.refused > 0 ? 1 : 0;
}
