/*
 * control: what is in force and how it changes. A change is built whole,
 * written down, applied; if the last step fails, everything is put back.
 */
#include "gateway/control/control.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/members/certstore.h"
#include "gateway/sessions/chain_cache.h"
#include "gateway/control/change_log.h"
#include "gateway/state/denylist.h"
#include "gateway/dataplane/workers.h"
#include "gateway/control/effective.h"
#include "gateway/members/members.h"
#include "gateway/members/keystore.h"
#include "gateway/process/sd_notify.h"
#include "gateway/certwatch/certwatch.h"
#include "gateway/control/candidate.h"
#include "gateway/rest/rest.h"
#include "gateway/base/services.h"
#include "gateway/sessions/session_check.h"
#include "gateway/sessions/session_watch.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/control/warmup.h"

struct control {
	struct conf *base; /* the bootstrap file */
	struct conf *conf; /* in force: base with the sections */
	struct services services;
	const struct log *log;
	struct section_store *sections;
	struct decision_ring *decisions;
	struct denylist *denylist;
	struct revcheck *engine;
	struct session_watch *remembered;
	struct chain_cache *chains;
	struct session_checker checker;
	struct certwatch *own;
	struct allowed_subjects *subjects;
	struct keystore *keys;
	struct certstore *certs;
	struct members *holdings;
	_Atomic(struct workers *) door;
	struct rest *rest;
	struct warmup *warm;
	struct revcheck_policy policy; /* as it is set */
	unsigned hard, warming;        /* enum warmup_part */
	time_t started_at;
};

static void
input_of(const struct control *c, struct effective_input *in)
{
	in->base = c->base;
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		in->sections[id] = section_config(c->sections, id);
}

static int
engine_apply(struct control *c, const struct candidate *p, struct err *err)
{
	struct revcheck_error why;
	int rc;

	rc = revcheck_set_issuer_rules(
	    c->engine, p->rules.rules, p->rules.num, &why);
	if (rc == 0)
		rc = revcheck_set_policy(c->engine, &p->policy, &why);
	return rc == 0 ? 0 : err_set(err, rc, "%s", why.msg);
}

/* The plan is in force: begins what it warms up, ends what it does not. */
static void
warm_up(struct control *c, const struct candidate *p)
{
	unsigned before = c->warming;

	c->policy = p->set;
	c->hard = p->hard;
	c->warming = p->warming;
	if (c->warming & ~before)
		warmup_begin(c->warm, c->warming, p->warm_up_ms);
	else if (c->warming == 0 && before != 0)
		warmup_give_up(c->warm);
}

/* Door first: it can refuse and then nothing has changed. */
static int
plan_apply(struct control *c, struct candidate *p, struct err *err)
{
	struct workers *door = control_door(c);
	struct err ignored;
	int rc = 0;

	if (door != NULL)
		rc = workers_apply(door, p->conf, err);
	if (rc != 0)
		return rc;
	rc = engine_apply(c, p, err);
	if (rc != 0) {
		if (door != NULL && workers_apply(door, c->conf, &ignored) != 0)
			log_line(c->log, LOG_LEVEL_ERROR,
			    "cannot go back to the configuration before: %s",
			    ignored.msg);
		return rc;
	}
	conf_free(c->conf);
	c->conf = p->conf;
	p->conf = NULL;
	chain_cache_set_trust(c->chains, p->session);
	certwatch_set(c->own, &p->own, c->conf);
	control_recheck(c);
	warm_up(c, p);
	return 0;
}

/* What is stored now, put in force. */
static int
stored_apply(struct control *c, struct err *err)
{
	struct effective_input in;
	struct candidate plan;
	int rc;

	input_of(c, &in);
	rc = candidate_make(&plan, c, c->base, &in, err);
	if (rc == 0) {
		rc = plan_apply(c, &plan, err);
		candidate_cleanup(&plan);
	}
	return rc;
}

static enum revcheck_mode
mode_set(const struct control *c)
{
	return c->policy.mode == REVCHECK_MODE_DEFAULT ? REVCHECK_MODE_SOFT_FAIL
						       : c->policy.mode;
}

/* The warm-up is over: HARD_FAIL is enforced from now on. */
static int
on_warm(void *arg)
{
	struct control *c = arg;
	unsigned warming = c->warming;
	struct effective_input in;
	struct candidate plan;
	struct err err;
	int rc;

	c->warming = 0;
	input_of(c, &in);
	rc = candidate_make(&plan, c, c->base, &in, &err);
	if (rc == 0) {
		rc = plan_apply(c, &plan, &err);
		candidate_cleanup(&plan);
	}
	if (rc != 0) {
		c->warming = warming;
		log_line(c->log, LOG_LEVEL_ERROR,
		    "HARD_FAIL cannot be put in force, and is tried again in a "
		    "second: %s",
		    err.msg);
	}
	return rc;
}

/* Life. */

static void
engine_log(void *arg, int level, const char *line)
{
	const struct log *log = arg;

	if (level <= (int)log->level)
		log->fn(log->arg, (enum log_level)level, line);
}

static void
engine_watch(void *arg)
{
	control_recheck(arg);
}

static int
engine_start(struct control *c, struct err *err)
{
	struct effective_options options;
	struct effective_input in;
	struct revcheck_error why;
	int rc;

	input_of(c, &in);
	rc = effective_options(&options, &in, err);
	if (rc != 0)
		return rc;
	options.options.size = sizeof(options.options);
	options.options.log = engine_log;
	options.options.log_arg = (void *)(uintptr_t)c->log;
	options.options.log_level = (int)c->log->level;
	rc = revcheck_new(&c->engine, &options.options, &why);
	effective_options_cleanup(&options);
	return rc == 0
	    ? 0
	    : err_set(err, rc, "cannot start the engine: %s", why.msg);
}

static void
on_staples(void *arg, struct staples *staples)
{
	struct workers *door = control_door(arg);

	if (door != NULL)
		workers_staple(door, staples);
}

static struct keystore_place
place_of(const struct conf *conf)
{
	return (struct keystore_place){
	    .token = conf->pkcs11.token, .categories = conf->pkcs11.categories};
}

static int
state_open(struct control *c, struct err *err)
{
	const struct keystore_place place = place_of(c->base);
	const char *dir = c->base->state_dir;
	int rc;

	if (dir != NULL && mkdir(dir, 0700) != 0 && errno != EEXIST)
		return err_sys(
		    err, "cannot make the state directory '%s'", dir);
	rc = section_store_open(&c->sections, dir, c->log, err);
	if (rc == 0)
		rc = denylist_open(&c->denylist, dir, c->log, err);
	if (rc == 0)
		rc = allowed_subjects_open(&c->subjects, dir, c->log, err);
	if (rc == 0)
		rc = keystore_open(
		    &c->keys, dir, c->base->key_secret, &place, c->log, err);
	if (rc == 0)
		rc = certstore_open(&c->certs, dir, c->log, err);
	if (rc == 0)
		rc = members_open(&c->holdings, dir, c->log, err);
	if (rc == 0)
		rc = members_know_keys(c->holdings, c->keys, err);
	return rc;
}

int
control_new(struct control **out, struct conf *conf, struct event_base *base,
    const struct log *log, struct err *err)
{
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	*out = NULL;
	if (c == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	c->base = conf_up_ref(conf);
	c->log = log;
	c->started_at = time(NULL);
	rc = state_open(c, err);
	if (rc == 0)
		rc = decision_ring_new(
		    &c->decisions, conf->rest.max_decisions, err);
	if (rc == 0)
		rc = engine_start(c, err);
	c->services =
	    (struct services){.base = base, .log = log, .engine = c->engine};
	if (rc == 0)
		rc = session_watch_new(&c->remembered, &c->services, err);
	if (rc == 0)
		rc = chain_cache_new(&c->chains, err);
	c->checker = (struct session_checker){.services = &c->services,
	    .chains = c->chains,
	    .decisions = c->decisions,
	    .watch = c->remembered};
	if (rc == 0)
		rc = certwatch_new(&c->own, &c->services, on_staples, c, err);
	if (rc == 0)
		rc = warmup_new(&c->warm, c, on_warm, c, err);
	if (rc == 0)
		rc = denylist_apply(c->denylist, c->engine, err);
	if (rc == 0)
		rc = stored_apply(c, err);
	if (rc != 0) {
		control_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void
control_free(struct control *c)
{
	if (c == NULL)
		return;
	if (c->engine != NULL)
		revcheck_watch(c->engine, NULL, NULL);
	warmup_free(c->warm);
	session_watch_free(c->remembered);
	certwatch_free(c->own);
	chain_cache_free(c->chains);
	revcheck_free(c->engine);
	denylist_close(c->denylist);
	allowed_subjects_close(c->subjects);
	keystore_close(c->keys);
	certstore_close(c->certs);
	members_close(c->holdings);
	section_store_close(c->sections);
	decision_ring_free(c->decisions);
	conf_free(c->conf);
	conf_free(c->base);
	free(c);
}

/* Lending. */

void
control_set_door(struct control *c, struct workers *door)
{
	atomic_store(&c->door, door);
	/* Waits for a watcher that may still be using the door of before. */
	revcheck_watch(c->engine, door != NULL ? engine_watch : NULL, c);
}

void
control_set_rest(struct control *c, struct rest *rest)
{
	c->rest = rest;
}

struct conf *
control_conf(const struct control *c)
{
	return c->conf;
}

const struct log *
control_log(const struct control *c)
{
	return c->log;
}

struct event_base *
control_base(const struct control *c)
{
	return c->services.base;
}

struct revcheck *
control_engine(const struct control *c)
{
	return c->engine;
}

struct workers *
control_door(const struct control *c)
{
	return atomic_load(&((struct control *)(uintptr_t)c)->door);
}

struct decision_ring *
control_decisions(const struct control *c)
{
	return c->decisions;
}

struct denylist *
control_denylist(const struct control *c)
{
	return c->denylist;
}

const struct session_checker *
control_checker(const struct control *c)
{
	return &c->checker;
}

struct certwatch *
control_own(const struct control *c)
{
	return c->own;
}

struct session_watch *
control_remembered(const struct control *c)
{
	return c->remembered;
}

struct allowed_subjects *
control_subjects(const struct control *c)
{
	return c->subjects;
}

struct keystore *
control_keys(const struct control *c)
{
	return c->keys;
}

struct certstore *
control_certs(const struct control *c)
{
	return c->certs;
}

struct members *
control_holdings(const struct control *c)
{
	return c->holdings;
}

const struct section_store *
control_sections(const struct control *c)
{
	return c->sections;
}

time_t
control_started_at(const struct control *c)
{
	return c->started_at;
}

struct warmup *
control_warm(const struct control *c)
{
	return c->warm;
}

unsigned
control_hard(const struct control *c)
{
	return c->hard;
}

unsigned
control_warming(const struct control *c)
{
	return c->warming;
}

void
control_get_policy(const struct control *c, struct revcheck_policy *out)
{
	*out = c->policy;
	out->mode = mode_set(c);
}

uint32_t
control_patience_ms(const struct control *c)
{
	uint32_t left = warmup_left_ms(c->warm);
	struct revcheck_policy p = {.size = sizeof(p)};

	revcheck_get_policy(c->engine, &p);
	return left > p.deadline_ms ? left : 0;
}

cJSON *
control_section_with_defaults(const struct control *c, enum section_id id)
{
	struct effective_input in;
	cJSON *own, *out;

	input_of(c, &in);
	own = effective_defaults(id, &in);
	out = json_schema_with_defaults(
	    &section_schemas[id], in.sections[id], own);
	cJSON_Delete(own);
	return out;
}

/* Change. */

void
control_recheck(struct control *c)
{
	struct workers *door = control_door(c);

	if (door != NULL)
		workers_recheck(door);
	session_watch_changed(c->remembered);
	certwatch_changed(c->own);
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

enum control_outcome
control_put(struct control *c, enum section_id id, int64_t version,
    const cJSON *config, const char *text, const struct control_actor *actor,
    struct err *err)
{
	int64_t stored = section_version(c->sections, id);
	struct revcheck_policy before;
	enum conf_tls_type tls_before = c->conf->tls.type;
	struct section_author author;
	struct effective_input in;
	struct candidate plan;
	struct err undo;
	char note[80];

	if (version != stored &&
	    !(stored == SECTION_VERSION_NONE && version == 0)) {
		err_set(err, E_ARG,
		    "the version given is %lld, the version stored is %lld",
		    (long long)version, (long long)stored);
		return CONTROL_CONFLICT;
	}
	if (json_schema_validate(&section_schemas[id], config, err) != 0)
		return CONTROL_INVALID;
	control_get_policy(c, &before);
	input_of(c, &in);
	in.sections[id] = config;
	if (candidate_make(&plan, c, c->base, &in, err) != 0)
		return CONTROL_INVALID;
	author_of(&author, note, sizeof(note), c, &plan, actor);
	if (section_store_put(c->sections, id, config, text, &author, err) !=
	    0) {
		candidate_cleanup(&plan);
		return CONTROL_FAILED;
	}
	if (plan_apply(c, &plan, err) != 0) {
		candidate_cleanup(&plan);
		if (section_store_revert(c->sections, id, &undo) != 0)
			log_line(c->log, LOG_LEVEL_ERROR,
			    "cannot take a change back that was not applied: "
			    "%s",
			    undo.msg);
		return CONTROL_FAILED;
	}
	candidate_cleanup(&plan);
	change_log_write(c, id, &before, tls_before, actor);
	return CONTROL_CHANGED;
}

int
control_set_subject(struct control *c, const char *holder, const char *subject,
    bool allowed, struct err *err)
{
	struct err undo;
	int rc =
	    allowed_subjects_set(c->subjects, holder, subject, allowed, err);

	if (rc != 0)
		return rc;
	if (stored_apply(c, err) == 0)
		return 0;
	if (allowed_subjects_undo(c->subjects, &undo) != 0)
		log_line(c->log, LOG_LEVEL_ERROR,
		    "cannot take a change back that was not applied: %s",
		    undo.msg);
	return E_INTERNAL;
}

int
control_set_holding(struct control *c, const char *id,
    const cJSON *registration, const cJSON *setup, struct err *err)
{
	struct err undo;
	int rc = members_set(c->holdings, id, NULL, registration, setup, err);

	if (rc != 0)
		return rc;
	if (stored_apply(c, err) == 0)
		return 0;
	if (members_undo(c->holdings, &undo) != 0)
		log_line(c->log, LOG_LEVEL_ERROR,
		    "cannot take a change back that was not applied: %s",
		    undo.msg);
	return E_INTERNAL;
}

static int
reload_all(struct control *c, struct err *err)
{
	struct conf *fresh = NULL;
	struct effective_input in;
	struct candidate plan;
	int rc;

	rc = conf_load(&fresh, c->base->file, c->base, err);
	if (rc != 0)
		return rc;
	input_of(c, &in);
	in.base = fresh;
	rc = candidate_make(&plan, c, fresh, &in, err);
	if (rc == 0 && c->rest != NULL)
		rc = rest_apply(c->rest, plan.conf, err);
	if (rc == 0) {
		rc = plan_apply(c, &plan, err);
		if (rc != 0 && c->rest != NULL &&
		    rest_apply(c->rest, c->conf, NULL) != 0)
			log_line(c->log, LOG_LEVEL_ERROR,
			    "cannot go back to the REST settings before");
	}
	if (rc == 0) {
		const struct keystore_place place = place_of(fresh);

		keystore_set_place(c->keys, &place);
		conf_free(c->base);
		c->base = conf_up_ref(fresh);
	}
	candidate_cleanup(&plan);
	conf_free(fresh);
	return rc;
}

int
control_reload(
    struct control *c, const struct control_actor *actor, struct err *err)
{
	int rc;

	sd_notify_reloading(c->log);
	rc = reload_all(c, err);
	if (rc == 0)
		log_line(c->log, LOG_LEVEL_INFO,
		    "reloaded the configuration (file='%s' who='%s' "
		    "from='%s')",
		    c->base->file, actor->who, actor->from);
	else
		log_line(c->log, LOG_LEVEL_ERROR,
		    "cannot reload, the old configuration stays in force: %s "
		    "(who='%s' from='%s')",
		    err->msg, actor->who, actor->from);
	sd_notify_send(c->log, "READY=1\nSTATUS=%s%s",
	    rc == 0 ? "serving" : "serving, reload refused: ",
	    rc == 0 ? "" : err->msg);
	return rc;
}
