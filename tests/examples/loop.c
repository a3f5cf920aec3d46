/*
 * loop ANCHORS CHAIN...: asks about several chains at once from a libevent
 * loop that never waits for any of them. Prints one line a chain, in the order
 * of the answers. Exit status 0 when all may come in.
 */
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>
#include <event2/thread.h>

#include <revcheck.h>

struct question {
	const char *name;
	struct event_base *base;
	struct revcheck_certs *chain;
	struct revcheck_request *request; /* until it is answered */
	int *left, *refused;
};

static void
answer(struct question *q, const struct revcheck_report *report)
{
	printf("%s: %s\n", q->name, revcheck_report_text(report));
	if (!revcheck_report_allows(report))
		++*q->refused;
	if (--*q->left == 0)
		event_base_loopbreak(q->base);
}

/* On the loop's thread, once, never from inside revcheck_submit. */
static void
on_done(struct revcheck_report *report, void *arg)
{
	answer(arg, report);
}

static int
ask(struct question *q, struct revcheck *rc, struct revcheck_trust *trust,
    struct revcheck_error *err)
{
	struct revcheck_query query = {.size = sizeof(query),
	    .chain = q->chain,
	    .trust = trust,
	    .mode = REVCHECK_MODE_HARD_FAIL};
	struct revcheck_report *report = NULL;
	int n;

	n = revcheck_submit(
	    rc, &q->request, &report, &query, q->base, on_done, q, err);
	if (n == REVCHECK_DONE) {
		answer(q, report);
		revcheck_report_free(report);
	}
	return n < 0 ? n : 0;
}

int
main(int argc, char **argv)
{
	static const char *const local[] = {"127.0.0.1", NULL};
	struct revcheck_options options = {
	    .size = sizeof(options), .allow_addresses = local, .any_port = 1};
	struct revcheck_error err = {0};
	struct revcheck *rc = NULL;
	struct revcheck_trust *trust = NULL;
	struct event_base *base = NULL;
	struct question *q = NULL;
	int left = argc - 2, refused = 0, failed = 1;

	if (argc < 3) {
		fprintf(stderr, "usage: loop ANCHORS CHAIN...\n");
		return 2;
	}
	evthread_use_pthreads(); /* before the base is made */
	base = event_base_new();
	q = calloc((size_t)left, sizeof(*q));
	if (base == NULL || q == NULL)
		goto out;
	if (revcheck_new(&rc, &options, &err) != 0 ||
	    revcheck_trust_load(&trust, argv[1], &err) != 0)
		goto out;
	for (int i = 0; i < argc - 2; i++) {
		q[i] = (struct question){.name = argv[i + 2],
		    .base = base,
		    .left = &left,
		    .refused = &refused};
		if (revcheck_certs_load(&q[i].chain, q[i].name, &err) != 0 ||
		    ask(&q[i], rc, trust, &err) != 0)
			goto out;
	}
	/* Answers from other threads reach an empty loop, too. */
	if (left > 0)
		event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	failed = 0;
out:
	if (err.code != 0)
		fprintf(stderr, "loop: %s\n", err.msg);
	for (int i = 0; q != NULL && i < argc - 2; i++) {
		if (q[i].request != NULL) {
			revcheck_request_cancel(q[i].request);
			revcheck_request_free(q[i].request);
		}
		revcheck_certs_free(q[i].chain);
	}
	free(q);
	revcheck_trust_free(trust);
	revcheck_free(rc);
	if (base != NULL)
		event_base_free(base);
	return failed || refused > 0 ? 1 : 0;
}
