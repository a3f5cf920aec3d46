/* batch: see the header. */
#include "revcheck/cli/batch.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "revcheck/cli/batch_row.h"
#include "revcheck/cli/issuers.h"
#include "revcheck/cli/progress.h"

/* One chain under way. done and rep belong to the lock until it is done. */
struct job {
	struct batch_run *run;
	const char *name;
	struct revcheck_certs *chain;
	struct revcheck_request *req;
	struct revcheck_report *rep;
	bool done;
	uint64_t began_mono_ms;
	int failed; /* 0, or why it could not be asked */
	char text[640];
};

struct batch_run {
	const struct batch *b;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct job *jobs;     /* a ring, job i at i % b->jobs */
	size_t begun, told;   /* of all */
	struct batch_sum sum; /* of what was told */
};

/* On the engine's thread. */
static void
on_done(struct revcheck_report *rep, void *arg)
{
	struct job *j = arg;
	struct batch_run *r = j->run;

	pthread_mutex_lock(&r->lock);
	j->rep = rep != NULL ? revcheck_report_up_ref(rep) : NULL;
	j->done = true;
	pthread_cond_broadcast(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

static void
job_failed(struct job *j, int status)
{
	j->failed = status;
	j->done = true;
	snprintf(j->text, sizeof(j->text), "%s", cli_last_failure());
}

static void
submit(struct job *j)
{
	struct ask *a = j->run->b->ask;
	struct revcheck_query q = a->query;
	struct revcheck_report *rep = NULL;
	struct revcheck_error err;
	int rc;

	q.chain = j->chain;
	rc = revcheck_submit(a->rc, &j->req, &rep, &q, NULL, on_done, j, &err);
	if (rc < 0) {
		job_failed(j, cli_fail_library(&err));
	} else if (rc == REVCHECK_DONE) {
		j->rep = rep;
		j->done = true;
	}
}

static void
job_begin(struct batch_run *r, size_t i)
{
	struct job *j = &r->jobs[i % r->b->jobs];
	struct ask *a = r->b->ask;
	struct issuers issuers = {0};
	int rc;

	*j = (struct job){
	    .run = r, .name = r->b->names[i], .began_mono_ms = cli_mono_ms()};
	rc = input_chain(&j->chain, j->name, &a->input);
	if (rc == 0)
		rc = ask_pair(a, &j->chain);
	if (rc == 0 && a->fetch_issuers) {
		rc = issuers_fetch(&issuers, a, j->chain);
		issuers_cleanup(&issuers);
	}
	if (rc != 0)
		job_failed(j, rc);
	else
		submit(j);
}

static void
job_cleanup(struct job *j)
{
	revcheck_request_free(j->req);
	revcheck_report_free(j->rep);
	revcheck_certs_free(j->chain);
	*j = (struct job){0};
}

/* Waits; what arrives still is asked about again. */
static void
job_await(struct batch_run *r, struct job *j)
{
	struct ask *a = r->b->ask;

	for (;;) {
		pthread_mutex_lock(&r->lock);
		while (!j->done)
			progress_wait(&r->cond, &r->lock);
		pthread_mutex_unlock(&r->lock);
		if (j->rep == NULL ||
		    !ask_too_early(a, j->rep, j->began_mono_ms))
			break;
		revcheck_report_free(j->rep);
		revcheck_request_free(j->req);
		j->rep = NULL;
		j->req = NULL;
		j->done = false;
		submit(j);
	}
	if (j->rep == NULL && j->failed == 0)
		job_failed(j, cli_fail(EXIT_SOFTWARE, "out of memory"));
}

static int
job_tell(struct batch_run *r, struct job *j)
{
	struct answer x;
	struct batch_row row = {.name = j->name, .answer = &x};
	int rc;

	if (j->rep != NULL)
		answer_make(&x, revcheck_report_up_ref(j->rep));
	else
		answer_make_failed(&x, j->failed, j->text);
	if (j->chain != NULL)
		row.leaf = revcheck_certs_get0(j->chain, 0);
	progress_clear();
	rc = batch_row_print(&row, r->b, r->told);
	batch_sum_add(&r->sum, &x);
	answer_cleanup(&x);
	return rc;
}

int
batch_run(const struct batch *b)
{
	struct batch_run r = {.b = b,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER};
	struct job *j;
	int rc = 0;

	r.jobs = calloc(b->jobs, sizeof(*r.jobs));
	if (r.jobs == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	batch_begin(b);
	while (r.told < b->num) {
		progress_count(r.told, b->num);
		while (
		    rc == 0 && r.begun < b->num && r.begun - r.told < b->jobs)
			job_begin(&r, r.begun++);
		if (r.told == r.begun)
			break; /* it cannot be written: enough */
		j = &r.jobs[r.told % b->jobs];
		job_await(&r, j);
		if (rc == 0)
			rc = job_tell(&r, j);
		job_cleanup(j);
		r.told++;
	}
	progress_count(0, 0);
	progress_clear();
	batch_end(b, &r.sum);
	free(r.jobs);
	return rc != 0 ? rc : r.sum.worst;
}
