/*
 * engine: the public calls that make and free an engine and ask it. Any
 * thread.
 */
#include "cache/engine/crl_files.h"
#include "revcheck/engine/base_notify.h"
#include "revcheck/engine/engine_shared.h"
#include "revcheck/engine/forks.h"

#include <stdlib.h>
#include <string.h>

#include <event2/thread.h>

#include "revcheck/engine/cert_check.h"
#include "revcheck/x509/certs.h"
#include "revcheck/engine/local_crls.h"
#include "revcheck/engine/request.h"

#define ENGINE_CONNECT_TIMEOUT_MS 2000
#define ENGINE_FETCH_TIMEOUT_MS   4000
#define ENGINE_CRL_TIMEOUT_MS     60000
#define ENGINE_MAX_CRL_BYTES      ((uint64_t)128 << 20)
#define ENGINE_MAX_OCSP_BYTES     65536
#define ENGINE_MEMORY_BYTES       ((uint64_t)512 << 20)
#define ENGINE_MAX_REQUESTS       10000

/* Life. */

static void
log_out(void *arg, enum log_level level, const char *line)
{
	struct revcheck *rc = arg;

	rc->log_fn(rc->log_arg, (int)level, line);
}

/* Fields that are lists would be of no use here: the engine has none. */
#define LOG_MAX_FIELDS 32

static bool
log_field_of(struct revcheck_log_field *out, const struct log_field *f)
{
	*out = (struct revcheck_log_field){.key = f->key};
	switch (f->kind) {
	case LOG_TEXT:
		out->text = f->text;
		return true;
	case LOG_INTEGER:
		out->kind = REVCHECK_LOG_INTEGER;
		out->integer = f->integer;
		return true;
	case LOG_UNSIGNED:
		out->kind = REVCHECK_LOG_UNSIGNED;
		out->number = f->number;
		return true;
	case LOG_REAL:
		out->kind = REVCHECK_LOG_REAL;
		out->real = f->real;
		return true;
	case LOG_BOOL:
		out->kind = REVCHECK_LOG_BOOL;
		out->integer = f->flag;
		return true;
	case LOG_LIST:
		break;
	}
	return false;
}

static void
log_record_out(void *arg, const struct log_record *r)
{
	struct revcheck_log_field fields[LOG_MAX_FIELDS];
	struct revcheck_log_record out = {.size = sizeof(out),
	    .level = (int)r->level,
	    .event = r->event,
	    .message = r->message,
	    .fields = fields};
	struct revcheck *rc = arg;

	for (size_t i = 0; i < r->num && out.num_fields < LOG_MAX_FIELDS; i++)
		out.num_fields +=
		    log_field_of(&fields[out.num_fields], &r->fields[i]);
	rc->log_record(rc->log_arg, &out);
}

static void
evidence_changed(void *arg, const struct evidence_key *key)
{
	engine_notify_watcher(arg, key);
}

static void
exchange_out(void *arg, const struct archive_exchange *x)
{
	struct revcheck *rc = arg;
	struct revcheck_exchange out = {.size = sizeof(out),
	    .event = (enum revcheck_exchange_event)x->event,
	    .id = x->id,
	    .kind = x->kind == EVIDENCE_CRL ? REVCHECK_EVIDENCE_CRL
					    : REVCHECK_EVIDENCE_OCSP,
	    .url = x->url,
	    .post = x->post,
	    .request = x->request.p,
	    .request_len = x->request.len,
	    .bytes = x->bytes,
	    .total = x->total,
	    .ms = x->ms,
	    .http_status = x->http_status,
	    .not_modified = x->not_modified,
	    .text = ""};

	if (x->failure != NULL) {
		out.why = cert_check_why_of(x->failure);
		out.text = x->failure->msg;
	}
	rc->exchange(rc->exchange_arg, &out);
}

static uint32_t
or32(uint32_t value, uint32_t otherwise)
{
	return value != 0 ? value : otherwise;
}

static struct archive_options
archive_options_of(const struct revcheck_options *o)
{
	return (struct archive_options){
	    .state_dir = o->state_dir,
	    .offline = o->offline != 0,
	    .connect_timeout_ms =
		or32(o->connect_timeout_ms, ENGINE_CONNECT_TIMEOUT_MS),
	    .fetch_timeout_ms =
		or32(o->fetch_timeout_ms, ENGINE_FETCH_TIMEOUT_MS),
	    .crl_timeout_ms = or32(o->crl_timeout_ms, ENGINE_CRL_TIMEOUT_MS),
	    .max_ocsp_bytes = or32(o->max_ocsp_bytes, ENGINE_MAX_OCSP_BYTES),
	    .crl = {.max_bytes = o->max_crl_bytes != 0 ? o->max_crl_bytes
						       : ENGINE_MAX_CRL_BYTES,
		.max_entries = o->max_crl_entries},
	    .memory_bytes =
		o->memory_bytes != 0 ? o->memory_bytes : ENGINE_MEMORY_BYTES,
	    .allow_addresses = o->allow_addresses,
	    .refuse_private = o->refuse_private != 0,
	    .ports = o->ports,
	    .any_port = o->any_port != 0,
	    .proxy = o->proxy,
	    .https_ca_file = o->https_ca_file,
	    .user_agent = o->user_agent != NULL ? o->user_agent
						: "revcheck/" REVCHECK_VERSION,
	    .min_refresh_sec = o->min_refresh_sec,
	    .skew_sec = POLICY_SKEW_SEC,
	};
}

static int
open_archive(
    struct revcheck *rc, const struct revcheck_options *o, struct err *err)
{
	struct archive_options a = archive_options_of(o);

	a.clock = rc->clock;
	a.log = &rc->log;
	a.changed = evidence_changed;
	a.changed_arg = rc;
	if (rc->exchange != NULL) {
		a.exchange = exchange_out;
		a.exchange_arg = rc;
	}
	return archive_new(&rc->archive, &a, err);
}

/* Fields that the caller's header does not have are zero. */
static void
take_options(struct revcheck_options *o, const struct revcheck_options *given)
{
	*o = (struct revcheck_options){0};
	if (given != NULL)
		memcpy(o, given,
		    given->size != 0 && given->size < sizeof(*o) ? given->size
								 : sizeof(*o));
}

int
revcheck_check_options(
    const struct revcheck_options *options, struct revcheck_error *err)
{
	struct revcheck_options o;
	struct archive_options a;
	struct err e = {0};
	int rc;

	take_options(&o, options);
	a = archive_options_of(&o);
	rc = archive_check(&a, &e);
	for (size_t i = 0;
	     rc == 0 && o.crl_paths != NULL && o.crl_paths[i] != NULL; i++)
		rc = crl_files_check(o.crl_paths[i], &e);
	if (rc == 0 && o.shared != NULL)
		rc = engine_check_shared(o.shared, &e);
	return rc == 0 ? 0 : error_publish(err, &e, rc);
}

int
revcheck_set_addresses(struct revcheck *rc,
    const struct revcheck_options *options, struct revcheck_error *err)
{
	struct revcheck_options o;
	struct archive_options a;
	struct err e = {0};
	int code;

	take_options(&o, options);
	a = archive_options_of(&o);
	code = archive_set_addresses(rc->archive, &a, &e);
	return code == 0 ? 0 : error_publish(err, &e, code);
}

int
revcheck_new(struct revcheck **out, const struct revcheck_options *options,
    struct revcheck_error *err)
{
	struct revcheck_options o;
	struct revcheck_policy defaults = {0};
	struct crl_limits limits;
	struct revcheck *rc;
	struct err e = {0};
	int code;

	*out = NULL;
	take_options(&o, options);
	evthread_use_pthreads();
	base_notify_learn();
	rc = calloc(1, sizeof(*rc));
	if (rc == NULL)
		return error_publish(err, NULL, E_NOMEM);
	engine_locks_init(rc);
	pthread_mutex_init(&rc->watch_lock, NULL);
	rc->clock = (struct wall_clock){o.now, o.now_arg};
	rc->started_at = wall_clock_now(&rc->clock);
	rc->forks = forks_count();
	rc->offline = o.offline != 0;
	rc->has_disk = o.state_dir != NULL;
	rc->prefetch = o.prefetch_crls != 0;
	rc->exchange = o.exchange;
	rc->exchange_arg = o.exchange_arg;
	rc->max_requests = or32(o.max_requests, ENGINE_MAX_REQUESTS);
	if (o.log != NULL || o.log_record != NULL) {
		rc->log_fn = o.log;
		rc->log_record = o.log_record;
		rc->log_arg = o.log_arg;
		rc->log = (struct log){.level = (enum log_level)o.log_level,
		    .fn = o.log != NULL ? log_out : NULL,
		    .record = o.log_record != NULL ? log_record_out : NULL,
		    .arg = rc};
	}
	code = policy_resolve(&rc->now.policy, &defaults, &e);
	rc->memo = cert_sources_memo_new();
	rc->known = known_revoked_new();
	rc->heard = issuer_heard_new();
	if (code == 0 &&
	    (rc->memo == NULL || rc->known == NULL || rc->heard == NULL))
		code = err_set(&e, E_NOMEM, "out of memory");
	if (code == 0)
		code = open_archive(rc, &o, &e);
	if (code == 0)
		code = engine_load_known(rc, &e);
	if (code == 0 && o.shared != NULL)
		code = engine_share(rc, o.shared, &e);
	limits = archive_options_of(&o).crl;
	if (code == 0 && o.crl_paths != NULL && o.crl_paths[0] != NULL)
		code = local_crls_new(
		    &rc->local, rc, o.crl_paths, o.crl_look_ms, &limits, &e);
	if (code != 0) {
		revcheck_free(rc);
		return error_publish(err, &e, code);
	}
	*out = rc;
	return 0;
}

static void
cancel_cb(void *arg)
{
	requests_cancel_all(arg);
}

void
revcheck_free(struct revcheck *rc)
{
	/* After a fork its thread is not there to be joined. */
	if (rc == NULL || rc->forks != forks_count())
		return;
	revcheck_watch(rc, NULL, NULL);
	local_crls_free(rc->local);
	if (rc->archive != NULL) {
		/* Runs before the service thread stops: posts keep order. */
		if (archive_post(rc->archive, cancel_cb, rc) != 0)
			log_line(&rc->log, LOG_LEVEL_WARN,
			    "the service thread is gone already");
		archive_free(rc->archive);
	}
	cert_sources_memo_free(rc->memo);
	known_revoked_free(rc->known);
	known_revoked_free(rc->told);
	issuer_heard_free(rc->heard);
	snapshot_cleanup(&rc->now);
	pthread_mutex_destroy(&rc->watch_lock);
	engine_locks_destroy(rc);
	free(rc);
}

/* Asking. */

int
revcheck_submit(struct revcheck *rc, struct revcheck_request **req,
    struct revcheck_report **report, const struct revcheck_query *query,
    struct event_base *base, revcheck_done_fn *done, void *arg,
    struct revcheck_error *err)
{
	struct revcheck_query q = {0};
	struct revcheck_request *r;
	struct err e = {0};
	int code;

	*req = NULL;
	*report = NULL;
	if (rc->forks != forks_count())
		return error_publish(err, &e,
		    err_set(&e, E_CLOSED,
			"the engine was made before fork(): expected one made "
			"in this process"));
	memcpy(&q, query,
	    query->size != 0 && query->size < sizeof(q) ? query->size
							: sizeof(q));
	code = request_new(&r, rc, &q, &e);
	if (code != 0)
		return error_publish(err, &e, code);
	switch (request_try(r)) {
	case ANSWER_FINAL:
		*report = revcheck_report_up_ref(r->report);
		revcheck_request_free(r);
		return REVCHECK_DONE;
	case ANSWER_FETCH:
		break;
	case ANSWER_NOMEM:
		revcheck_request_free(r);
		return error_publish(err, NULL, E_NOMEM);
	}
	code = request_begin(r, base, done, arg, &e);
	if (code != 0) {
		revcheck_request_free(r);
		return error_publish(err, &e, code);
	}
	*req = r;
	return REVCHECK_PENDING;
}

struct rendezvous {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	struct revcheck_report *report;
};

static void
rendezvous_done(struct revcheck_report *report, void *arg)
{
	struct rendezvous *v = arg;

	pthread_mutex_lock(&v->lock);
	v->done = true;
	if (report != NULL)
		v->report = revcheck_report_up_ref(report);
	pthread_cond_signal(&v->cond);
	pthread_mutex_unlock(&v->lock);
}

int
revcheck_check(struct revcheck *rc, struct revcheck_report **report,
    const struct revcheck_query *query, struct revcheck_error *err)
{
	struct rendezvous v = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER};
	struct revcheck_request *req;
	int code;

	code = revcheck_submit(
	    rc, &req, report, query, NULL, rendezvous_done, &v, err);
	if (code != REVCHECK_PENDING)
		return code == REVCHECK_DONE ? 0 : code;
	pthread_mutex_lock(&v.lock);
	while (!v.done)
		pthread_cond_wait(&v.cond, &v.lock);
	pthread_mutex_unlock(&v.lock);
	revcheck_request_free(req);
	*report = v.report;
	return v.report != NULL ? 0 : error_publish(err, NULL, E_NOMEM);
}
