/*
 * control: what is in force and how it changes. A change is built whole,
 * written, put in force and committed; if a step fails, all is as it was.
 */
#include "gateway/control/control.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/services.h"
#include "gateway/certwatch/certwatch.h"
#include "gateway/conf/conf_restart.h"
#include "gateway/conf/conf_warn.h"
#include "gateway/control/control_internal.h"
#include "gateway/control/effective.h"
#include "gateway/control/change_origin.h"
#include "gateway/control/loose.h"
#include "gateway/control/start_check.h"
#include "gateway/control/stores.h"
#include "gateway/control/warmup.h"
#include "gateway/dataplane/workers.h"
#include "gateway/members/members.h"
#include "gateway/process/sd_notify.h"
#include "gateway/sessions/chain_cache.h"
#include "gateway/sessions/session_watch.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/state/denylist.h"
#include "gateway/state/state_db.h"

void
control_input_of(
    const struct control *c, struct conf *base, struct candidate_input *in)
{
	*in = (struct candidate_input){.base = base,
	    .subjects = c->stores->subjects,
	    .members = c->stores->members,
	    .keys = c->stores->keys,
	    .hard = c->hard,
	    .warming = c->warming,
	    .live = warmup_live(c->warmup)};
	effective_input_of(&in->effective, base, c->stores->sections);
}

static struct workers *
workers_of(const struct control *c)
{
	return atomic_load(&((struct control *)(uintptr_t)c)->workers);
}

static int
engine_apply(struct control *c, struct candidate *p, struct err *err)
{
	/* Others only: what had failed is asked again then. */
	bool others =
	    c->addresses == NULL || strcmp(c->addresses, p->addresses) != 0;
	struct revcheck_error why;
	int rc =
	    revcheck_configure(c->services->engine, &p->policy, p->rules.rules,
		p->rules.num, others ? &p->options.options : NULL, &why);

	if (rc != 0)
		return err_set(err, rc, "%s", why.msg);
	cJSON_free(c->addresses);
	c->addresses = p->addresses;
	p->addresses = NULL;
	return 0;
}

/* p is in force: begins what it warms up, ends what it does not. */
static void
warm_up(struct control *c, const struct candidate *p)
{
	unsigned before = c->warming;

	c->policy = p->set;
	c->hard = p->hard;
	c->warming = p->warming;
	if (c->warming & ~before)
		warmup_begin(c->warmup, c->warming, p->warm_up_ms);
	else if (c->warming == 0 && before != 0)
		warmup_give_up(c->warmup);
}

/* What the file and the sections mean now, as the file was read. */
static void
note_origins(struct control *c, const char *who, const char *from)
{
	const struct loose *l = control_loose(c);
	const int64_t values[CHANGE_NUM_FACTS] = {[CHANGE_TLS_MODE] = l->tls,
	    [CHANGE_TLS_TYPE] = l->one_way,
	    [CHANGE_SESSIONS_MODE] = l->sessions,
	    [CHANGE_SHADOW_MODE] = c->policy.shadow_hard,
	    [CHANGE_ISSUERS] = (int64_t)l->rules};

	change_origins_loaded(
	    &c->origins, values, wall_clock_now(c->services->clock), who, from);
}

/* Workers first: they can refuse and then nothing has changed. */
int
control_apply(struct control *c, struct candidate *p, struct err *err)
{
	struct workers *workers = workers_of(c);
	struct err ignored;
	int rc = 0;

	if (workers != NULL)
		rc = workers_apply(workers, p->conf, err);
	if (rc != 0)
		return rc;
	rc = engine_apply(c, p, err);
	if (rc != 0) {
		if (workers != NULL &&
		    workers_apply(workers, c->conf, &ignored) != 0)
			log_line(c->services->log, LOG_LEVEL_ERROR,
			    "cannot go back to the configuration before: %s",
			    ignored.msg);
		return rc;
	}
	conf_free(c->conf);
	c->conf = p->conf;
	p->conf = NULL;
	chain_cache_set_trust(c->chains, p->session);
	certwatch_set(c->certwatch, &p->watched, c->conf);
	control_recheck(c);
	warm_up(c, p);
	loose_watch_set(c->loose, &p->loose);
	return 0;
}

int
control_apply_stored(struct control *c, struct err *err)
{
	struct candidate_input in;
	struct candidate candidate;
	int rc;

	control_input_of(c, c->base, &in);
	rc = candidate_make(&candidate, &in, err);
	if (rc == 0) {
		rc = control_apply(c, &candidate, err);
		candidate_cleanup(&candidate);
	}
	return rc;
}

/* The warm-up is over: HARD_FAIL is enforced from now on. */
static int
on_warm(void *arg)
{
	struct control *c = arg;
	unsigned warming = c->warming;
	struct err err;
	int rc;

	c->warming = 0;
	rc = control_apply_stored(c, &err);
	if (rc != 0) {
		c->warming = warming;
		log_line(c->services->log, LOG_LEVEL_ERROR,
		    "HARD_FAIL cannot be put in force, and is tried again in a "
		    "second: %s",
		    err.msg);
	}
	return rc;
}

/* Life. */

/* From the engine and from a warm-up. */
static void
on_change(void *arg)
{
	control_recheck(arg);
}

static void
on_engine_change(void *arg, const unsigned char *source, uint64_t change)
{
	struct control *c = arg;
	struct workers *workers = workers_of(c);

	if (workers != NULL)
		workers_told(workers, source, change);
	session_watch_told(c->sessions, source, change);
	certwatch_told(c->certwatch, source, change);
}

int
control_new(struct control **out, const struct control_parts *parts,
    struct conf *conf, struct err *err)
{
	struct control *c = calloc(1, sizeof(*c));
	const struct warmup_calls calls = {
	    .over = on_warm, .refused = on_change, .arg = c};
	int rc;

	*out = NULL;
	if (c == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	c->services = parts->services;
	c->stores = parts->stores;
	c->chains = parts->chains;
	c->sessions = parts->sessions;
	c->certwatch = parts->certwatch;
	c->started = conf_up_ref(conf);
	c->base = conf_up_ref(conf);
	rc = warmup_new(&c->warmup, c->services, c->sessions, &calls, err);
	if (rc == 0)
		rc = loose_watch_new(&c->loose, c->services, err);
	if (rc == 0)
		rc = denylist_apply(
		    c->stores->denylist, c->services->engine, err);
	if (rc == 0)
		rc = control_apply_stored(c, err);
	if (rc != 0) {
		control_free(c);
		return rc;
	}
	note_origins(c, "start", c->base->file);
	conf_warn_log(
	    conf, wall_clock_now(c->services->clock), c->services->log);
	*out = c;
	return 0;
}

void
control_free(struct control *c)
{
	if (c == NULL)
		return;
	revcheck_watch(c->services->engine, NULL, NULL);
	warmup_free(c->warmup);
	loose_watch_free(c->loose);
	conf_free(c->conf);
	cJSON_free(c->addresses);
	conf_free(c->base);
	conf_free(c->started);
	free(c);
}

void
control_set_workers(struct control *c, struct workers *workers)
{
	atomic_store(&c->workers, workers);
	warmup_set_workers(c->warmup, workers);
	/* Blocks until a running watcher, which may use the old ones, is done.
	 */
	revcheck_watch(
	    c->services->engine, workers != NULL ? on_engine_change : NULL, c);
}

void
control_on_reload(struct control *c, control_reload_fn *fn, void *arg)
{
	c->agrees = fn;
	c->agrees_arg = arg;
}

/* Looking at it. */

struct conf *
control_conf(const struct control *c)
{
	return c->conf;
}

const struct warmup *
control_warmup(const struct control *c)
{
	return c->warmup;
}

void
control_get_policy(const struct control *c, struct revcheck_policy *out)
{
	*out = c->policy;
	out->mode = loose_watch_get0(c->loose)->sessions;
}

const struct loose *
control_loose(const struct control *c)
{
	return loose_watch_get0(c->loose);
}

const struct change_origin *
control_origin(struct control *c, enum change_fact fact)
{
	return change_origins_get0(&c->origins, c->stores->sections, fact);
}

uint32_t
control_patience_ms(const struct control *c)
{
	uint32_t left = warmup_left_ms(c->warmup);
	struct revcheck_policy p = {.size = sizeof(p)};

	revcheck_get_policy(c->services->engine, &p);
	return left > p.deadline_ms ? left : 0;
}

cJSON *
control_next_start(const struct control *c)
{
	return conf_restart_keys(c->started, c->base);
}

cJSON *
control_section_with_defaults(const struct control *c, enum section_id id)
{
	struct effective_input in;

	effective_input_of(&in, c->base, c->stores->sections);
	return effective_with_defaults(id, &in);
}

/* Change. */

void
control_recheck(struct control *c)
{
	struct workers *workers = workers_of(c);

	if (workers != NULL)
		workers_recheck(workers);
	session_watch_told(c->sessions, NULL, 0);
	certwatch_told(c->certwatch, NULL, 0);
}

static int
reload_apply(struct control *c, struct candidate *candidate, struct err *err)
{
	struct err ignored;
	int rc = 0;

	if (c->agrees != NULL)
		rc = c->agrees(c->agrees_arg, candidate->conf, err);
	if (rc != 0)
		return rc;
	rc = control_apply(c, candidate, err);
	if (rc != 0 && c->agrees != NULL &&
	    c->agrees(c->agrees_arg, c->conf, &ignored) != 0)
		log_line(c->services->log, LOG_LEVEL_ERROR,
		    "cannot go back to the settings before: %s", ignored.msg);
	return rc;
}

static int
reload_all(struct control *c, struct err *err)
{
	struct candidate_input in;
	struct candidate candidate;
	struct conf *fresh = NULL;
	int rc;

	rc = conf_again(&fresh, c->base, err);
	if (rc == 0)
		rc = start_check(fresh, c->stores->sections, err);
	control_input_of(c, fresh, &in);
	if (rc == 0)
		rc = candidate_make(&candidate, &in, err);
	if (rc == 0) {
		rc = reload_apply(c, &candidate, err);
		candidate_cleanup(&candidate);
	}
	if (rc == 0) {
		stores_set_key_place(c->stores, fresh);
		conf_free(c->base);
		c->base = conf_up_ref(fresh);
	}
	conf_free(fresh);
	return rc;
}

/* What the new file says that does not act yet. */
static void
say_next_start(struct control *c)
{
	cJSON *keys = control_next_start(c);
	const cJSON *key;

	cJSON_ArrayForEach(key, keys) log_line(c->services->log, LOG_LEVEL_WARN,
	    "%s takes effect at the next start", key->valuestring);
	cJSON_Delete(keys);
}

int
control_reload(
    struct control *c, const struct control_actor *actor, struct err *err)
{
	int rc;

	sd_notify_reloading(c->services->log);
	rc = reload_all(c, err);
	if (rc == 0)
		log_line(c->services->log, LOG_LEVEL_INFO,
		    "reloaded the configuration (file='%s' who='%s' "
		    "from='%s')",
		    c->base->file, actor->who, actor->from);
	else
		log_line(c->services->log, LOG_LEVEL_ERROR,
		    "cannot reload, the old configuration stays in force: %s "
		    "(who='%s' from='%s')",
		    err->msg, actor->who, actor->from);
	if (rc == 0) {
		note_origins(c, actor->who, actor->from);
		revcheck_archive_reread(c->services->engine);
		say_next_start(c);
		conf_warn_log(c->base, wall_clock_now(c->services->clock),
		    c->services->log);
	}
	sd_notify_send(c->services->log, "READY=1\nSTATUS=%s%s",
	    rc == 0 ? "serving" : "serving, reload refused: ",
	    rc == 0 ? "" : err->msg);
	return rc;
}
