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
#include "gateway/control/candidate.h"
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

struct control {
	const struct services *services;
	struct stores *stores;
	struct chain_cache *chains;
	struct session_watch *sessions;
	struct certwatch *certwatch;
	struct conf *started; /* the bootstrap file of the start */
	struct conf *base;    /* as it was read last */
	struct conf *conf;    /* in force: base with the sections */
	_Atomic(struct workers *) workers;
	control_reload_fn *agrees; /* to a new bootstrap file */
	void *agrees_arg;
	struct warmup *warmup;
	struct loose_watch *loose;
	char *addresses;               /* in force; see struct candidate */
	struct revcheck_policy policy; /* as it is set */
	unsigned hard, warming;        /* enum warmup_part */
	struct change_origins origins;
};

/* What there is now, over the bootstrap file base. */
static void
input_of(const struct control *c, struct conf *base, struct candidate_input *in)
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
static int
candidate_apply(struct control *c, struct candidate *p, struct err *err)
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

/* What is stored now, put in force. */
static int
stored_apply(struct control *c, struct err *err)
{
	struct candidate_input in;
	struct candidate candidate;
	int rc;

	input_of(c, c->base, &in);
	rc = candidate_make(&candidate, &in, err);
	if (rc == 0) {
		rc = candidate_apply(c, &candidate, err);
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
	rc = stored_apply(c, &err);
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
		rc = stored_apply(c, err);
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

/* The history tells that a change does not act in full at once. */
static void
author_of(struct section_author *out, char *note, size_t size,
    const struct control *c, const struct candidate *p,
    const struct control_actor *actor)
{
	*out = (struct section_author){
	    .who = actor->who, .from = actor->from, .action = actor->action};
	if (!(p->warming & ~c->warming))
		return;
	snprintf(note, size, "HARD_FAIL after a warm-up of at most %u ms",
	    p->warm_up_ms);
	out->note = note;
}

/*
 * Ends the transaction of a change, which is in force if rc is 0: when it
 * cannot be committed, what was stored before is put in force again.
 */
static int
change_end(struct control *c, int rc, struct err *err)
{
	bool applied = rc == 0;
	struct err again;

	rc = state_db_end(c->stores->db, rc, err);
	if (rc != 0 && applied && stored_apply(c, &again) != 0)
		log_line(c->services->log, LOG_LEVEL_ERROR,
		    "cannot go back to the configuration before: %s",
		    again.msg);
	return rc;
}

/* The same for a change that was written if rc is 0, and is not in force. */
static int
change_apply(struct control *c, int rc, struct err *err)
{
	if (rc == 0)
		rc = state_db_flush(c->stores->db, err);
	if (rc == 0 && stored_apply(c, err) != 0)
		rc = E_INTERNAL;
	return change_end(c, rc, err);
}

/* Keeps config and puts the candidate made with it in force, or neither. */
static enum control_outcome
keep_and_apply(struct control *c, enum section_id id, const cJSON *config,
    const char *text, struct candidate *candidate,
    const struct control_actor *actor, struct err *err)
{
	struct section_author author;
	bool valid = true;
	char note[80];
	int rc = state_db_begin(c->stores->db, err);

	if (rc != 0)
		return CONTROL_FAILED;
	author_of(&author, note, sizeof(note), c, candidate, actor);
	rc = section_store_put(
	    c->stores->sections, id, config, text, &author, err);
	valid = rc != E_PARSE;
	if (rc == 0)
		rc = state_db_flush(c->stores->db, err);
	if (rc == 0) {
		rc = candidate_apply(c, candidate, err);
		valid = rc != E_ARG;
	}
	rc = change_end(c, rc, err);
	return rc == 0 ? CONTROL_CHANGED
	    : valid    ? CONTROL_FAILED
		       : CONTROL_INVALID;
}

enum control_outcome
control_put(struct control *c, enum section_id id, int64_t version,
    const cJSON *config, const char *text, const struct control_actor *actor,
    struct err *err)
{
	int64_t stored = section_version(c->stores->sections, id);
	struct change_log_entry entry = {
	    .section = id, .actor = actor, .before = *control_loose(c)};
	struct candidate_input in;
	struct candidate candidate;
	enum control_outcome outcome;

	if (version != stored &&
	    !(stored == SECTION_VERSION_NONE && version == 0)) {
		err_set(err, E_ARG,
		    "the version given is %lld, the version stored is %lld",
		    (long long)version, (long long)stored);
		return CONTROL_CONFLICT;
	}
	if (section_validate(id, config, err) != 0)
		return CONTROL_INVALID;
	input_of(c, c->base, &in);
	in.effective.sections[id] = config;
	if (candidate_make(&candidate, &in, err) != 0)
		return CONTROL_INVALID;
	entry.conf_before = conf_up_ref(c->conf);
	outcome = keep_and_apply(c, id, config, text, &candidate, actor, err);
	candidate_cleanup(&candidate);
	if (outcome == CONTROL_CHANGED) {
		entry.conf = c->conf;
		entry.version = section_version(c->stores->sections, id);
		entry.now = *control_loose(c);
		entry.warming = c->warming != 0;
		change_log_write(c->services->log, &entry);
	}
	conf_free(entry.conf_before);
	return outcome;
}

int
control_set_subject(struct control *c, const char *holder, const char *subject,
    bool allowed, struct err *err)
{
	int rc = state_db_begin(c->stores->db, err);

	if (rc != 0)
		return rc;
	rc = allowed_subjects_set(
	    c->stores->subjects, holder, subject, allowed, err);
	return change_apply(c, rc, err);
}

int
control_set_member(struct control *c, const char *id, const cJSON *registration,
    const cJSON *setup, struct err *err)
{
	int rc = state_db_begin(c->stores->db, err);

	if (rc != 0)
		return rc;
	rc =
	    members_set(c->stores->members, id, NULL, registration, setup, err);
	return change_apply(c, rc, err);
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
	rc = candidate_apply(c, candidate, err);
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
	input_of(c, fresh, &in);
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
