/*
 * store_refresh: fetches again what a state directory holds, over an archive of
 * its own on that directory, so that conditional requests, limits and careful
 * writing are those of an engine. Blocks its caller; the work is done on the
 * archive's service thread.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "cache/base/text.h"
#include "revcheck/api/api_store.h"
#include "revcheck/engine/policy.h"
#include "revcheck/x509/certs.h"

#define MAX_REQUEST 4096

/* One piece to be fetched. Owned by the refresh. */
struct target {
	struct target *next;
	struct refresh *refresh;
	struct store_meta meta;
	size_t bytes;
	unsigned char *request; /* OCSP */
	size_t request_len;
};

struct refresh {
	struct archive_acceptor acceptor;
	struct store_signers by;
	struct archive *archive;
	struct target *targets;
	const char *only; /* key, or NULL */
	uint64_t deadline_ms;
	revcheck_cache_fn *failed;
	void *arg;
	pthread_mutex_t lock; /* below */
	pthread_cond_t cond;
	size_t num_open;
	int num;
};

static int
refresh_accept(struct archive_acceptor *self, struct evidence *draft,
    time_t now, int *reject_code, struct err *err)
{
	struct refresh *x = (struct refresh *)self;

	*reject_code = REVCHECK_WHY_FORGED;
	return store_prove(draft, &x->by, now, err);
}

/* What came last is held: it is the same, or newer. */
static bool
refresh_answers(struct archive_acceptor *self, const struct documents *held,
    const struct documents *seen, time_t now)
{
	return seen != NULL &&
	    documents_same(held, seen->v[seen->num - 1]) != NULL;
}

static void
refresh_acceptor_free(struct archive_acceptor *self)
{
	/* The refresh outlives its archive. */
}

/* The request that a stored response answers: its first certID again. */
static void
target_request(struct target *t, struct span der)
{
	const unsigned char *p = der.p;
	OCSP_RESPONSE *resp = d2i_OCSP_RESPONSE(NULL, &p, (long)der.len);
	OCSP_BASICRESP *basic =
	    resp != NULL ? OCSP_response_get1_basic(resp) : NULL;
	OCSP_REQUEST *req = OCSP_REQUEST_new();
	OCSP_CERTID *id = NULL;
	unsigned char *out = NULL;
	int len;

	if (basic != NULL && OCSP_resp_count(basic) > 0)
		id = OCSP_CERTID_dup((OCSP_CERTID *)OCSP_SINGLERESP_get0_id(
		    OCSP_resp_get0(basic, 0)));
	if (req != NULL && id != NULL &&
	    OCSP_request_add0_id(req, id) != NULL) {
		id = NULL;
		len = i2d_OCSP_REQUEST(req, &out);
		if (len > 0 && len <= MAX_REQUEST) {
			t->request = out;
			t->request_len = (size_t)len;
			out = NULL;
		}
	}
	OPENSSL_free(out);
	OCSP_CERTID_free(id);
	OCSP_REQUEST_free(req);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(resp);
	ERR_clear_error();
}

/*
 * Evidence that this trust cannot verify is left alone, neither fetched nor set
 * aside: it may belong to another trust.
 */
static bool
target_known(struct refresh *x, struct store_record *r, struct err *err)
{
	struct evidence *e = NULL;
	struct crl *crl = NULL;
	bool ok;

	if (store_record_open(r, &crl, err) != 0)
		return false;
	e = crl != NULL ? evidence_new_crl(
			      crl, ORIGIN_DISK, r->meta.url, r->meta.fetched_at)
			: evidence_new_ocsp(span_of(r->der, r->len),
			      ORIGIN_DISK, r->meta.url, r->meta.fetched_at);
	ok = e != NULL && store_prove(e, &x->by, time(NULL), err) == 0;
	evidence_free(e);
	return ok;
}

static void
refuse(struct refresh *x, const struct store_record *r, const char *why)
{
	struct revcheck_cache_item item;

	if (x->failed == NULL)
		return;
	store_item_of_meta(&item, &r->meta, r->len);
	snprintf(item.error, sizeof(item.error), "%s", why);
	(void)x->failed(x->arg, &item);
}

/* One target a source: what is fetched takes the place of all it has. */
static bool
refresh_gather(void *arg, struct store_record *r)
{
	struct refresh *x = arg;
	struct target *t = NULL;
	struct err err = {0};
	char key[65];

	text_hex(key, r->meta.key.id, sizeof(r->meta.key.id));
	if ((x->only != NULL && strcmp(key, x->only) != 0) ||
	    r->error[0] != '\0')
		return true;
	/* What a source has is shown in a row. */
	if (x->targets != NULL &&
	    memcmp(&x->targets->meta.key, &r->meta.key, sizeof(r->meta.key)) ==
		0)
		return true;
	if (target_known(x, r, &err))
		t = calloc(1, sizeof(*t));
	else
		refuse(x, r, err.msg);
	if (t != NULL) {
		t->refresh = x;
		t->meta = r->meta;
		t->bytes = r->len;
		if (r->meta.kind == EVIDENCE_OCSP)
			target_request(t, span_of(r->der, r->len));
		t->next = x->targets;
		x->targets = t;
		x->num_open++;
	}
	return true;
}

static void
target_done(struct target *t, const char *failure)
{
	struct refresh *x = t->refresh;
	struct revcheck_cache_item item;

	pthread_mutex_lock(&x->lock);
	if (failure != NULL && x->failed != NULL) {
		store_item_of_meta(&item, &t->meta, t->bytes);
		snprintf(item.error, sizeof(item.error), "%s", failure);
		(void)x->failed(x->arg, &item);
	} else if (failure == NULL) {
		x->num++;
	}
	x->num_open--;
	pthread_cond_signal(&x->cond);
	pthread_mutex_unlock(&x->lock);
}

static void
target_told(void *arg, struct documents *d, const struct evidence_failure *f)
{
	target_done(arg, f == NULL ? NULL : f->msg);
}

static void
refresh_begin(void *arg)
{
	struct refresh *x = arg;
	struct archive_wait *wait;
	const char *url;
	struct err err;

	for (struct target *t = x->targets; t != NULL; t = t->next) {
		struct archive_order o = {.key = t->meta.key,
		    .kind = t->meta.kind,
		    .urls = &url,
		    .num_urls = 1,
		    .request = span_of(t->request, t->request_len),
		    .acceptor = &x->acceptor};

		url = t->meta.url;
		memcpy(o.owner, t->meta.owner, sizeof(o.owner));
		/* Stored evidence is loaded first, then refreshed. */
		if (archive_fetch(x->archive, &o,
			clock_mono_ms() + x->deadline_ms, target_told, t, &wait,
			&err) != 0)
			target_done(t, err.msg);
	}
}

static int
refresh_run(struct refresh *x, struct err *err)
{
	int rc;

	rc = archive_post(x->archive, refresh_begin, x);
	if (rc != 0)
		return err_set(err, rc, "cannot begin");
	pthread_mutex_lock(&x->lock);
	while (x->num_open > 0)
		pthread_cond_wait(&x->cond, &x->lock);
	pthread_mutex_unlock(&x->lock);
	return 0;
}

static int
refresh_open(struct refresh *x, const char *state_dir,
    const struct revcheck_options *given, struct err *err)
{
	struct revcheck_options o = {0};
	struct archive_options a;

	if (given != NULL)
		memcpy(&o, given,
		    given->size != 0 && given->size < sizeof(o) ? given->size
								: sizeof(o));
	a = (struct archive_options){
	    .state_dir = state_dir,
	    .connect_timeout_ms = o.connect_timeout_ms,
	    .fetch_timeout_ms = o.fetch_timeout_ms,
	    .crl_timeout_ms = o.crl_timeout_ms,
	    .max_ocsp_bytes = o.max_ocsp_bytes,
	    .crl = {.max_bytes = o.max_crl_bytes,
		.max_entries = o.max_crl_entries},
	    .memory_bytes = o.memory_bytes,
	    .allow_addresses = o.allow_addresses,
	    .refuse_private = o.refuse_private != 0,
	    .ports = o.ports,
	    .any_port = o.any_port != 0,
	    .proxy = o.proxy,
	    .https_ca_file = o.https_ca_file,
	    .user_agent = o.user_agent != NULL ? o.user_agent
					       : "revcheck/" REVCHECK_VERSION,
	    .skew_sec = POLICY_SKEW_SEC,
	    .always_fetch = true,
	};
	x->deadline_ms =
	    (o.crl_timeout_ms != 0 ? o.crl_timeout_ms : 60000) + 10000;
	return archive_new(&x->archive, &a, err);
}

int
revcheck_state_refresh(const char *state_dir, const char *key,
    const struct revcheck_options *options, struct revcheck_trust *trust,
    const struct revcheck_certs *certs, revcheck_cache_fn *failed, void *arg,
    struct revcheck_error *err)
{
	struct refresh x = {.by = {.trust = trust, .certs = certs},
	    .only = key,
	    .failed = failed,
	    .arg = arg};
	struct target *t;
	struct err e = {0};
	int rc;

	ref_init(&x.acceptor.ref);
	x.acceptor.accept = refresh_accept;
	x.acceptor.answers = refresh_answers;
	x.acceptor.free = refresh_acceptor_free;
	pthread_mutex_init(&x.lock, NULL);
	pthread_cond_init(&x.cond, NULL);
	rc = store_each(state_dir, refresh_gather, &x, &e);
	if (rc == 0)
		rc = refresh_open(&x, state_dir, options, &e);
	if (rc == 0)
		rc = refresh_run(&x, &e);
	/* Freeing the archive writes what was fetched. */
	archive_free(x.archive);
	while ((t = x.targets) != NULL) {
		x.targets = t->next;
		OPENSSL_free(t->request);
		free(t);
	}
	pthread_cond_destroy(&x.cond);
	pthread_mutex_destroy(&x.lock);
	return rc < 0 ? error_publish(err, &e, rc) : x.num;
}
