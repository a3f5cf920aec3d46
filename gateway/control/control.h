/*
 * control: the control plane's one object. Owns the engine, the sections, the
 * decisions and the configuration in force; makes changes take effect, whole
 * or not at all. Lives on the control thread, except where said.
 */
#ifndef GATEWAY_CONTROL_CONTROL_H
#define GATEWAY_CONTROL_CONTROL_H

#include <event2/event.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/conf/conf.h"
#include "gateway/observe/decision_ring.h"
#include "gateway/state/section_store.h"

struct certstore;
struct chain_cache;
struct control;
struct denylist;
struct workers;
struct members;
struct keystore;
struct certwatch;
struct rest;
struct services;
struct session_checker;
struct session_watch;
struct allowed_subjects;
struct warmup;

/*
 * Opens the state directory, starts the engine and puts stored sections in
 * force. base is the control thread's loop.
 */
int control_new(struct control **out, struct conf *conf,
    struct event_base *base, const struct log *log, struct err *err) MUST_USE;
void control_free(struct control *c);

/* Borrowed from main, which frees them; NULL takes them away. */
void control_set_door(struct control *c, struct workers *door);
void control_set_rest(struct control *c, struct rest *rest);

struct conf *control_conf(const struct control *c); /* in force; lends */
const struct log *control_log(const struct control *c);
struct event_base *control_base(const struct control *c);
struct revcheck *control_engine(const struct control *c);
struct workers *control_door(const struct control *c); /* may be NULL */
struct decision_ring *control_decisions(const struct control *c);
struct denylist *control_denylist(const struct control *c);
const struct session_checker *control_checker(const struct control *c);
struct certwatch *control_own(const struct control *c);
struct session_watch *control_remembered(const struct control *c);
struct allowed_subjects *control_subjects(const struct control *c);
struct keystore *control_keys(const struct control *c);
struct certstore *control_certs(const struct control *c);
struct members *control_holdings(const struct control *c);
const struct section_store *control_sections(const struct control *c);
time_t control_started_at(const struct control *c);
struct warmup *control_warm(const struct control *c);
/* enum warmup_part that HARD_FAIL is set for, and of these what warms up. */
unsigned control_hard(const struct control *c);
unsigned control_warming(const struct control *c);
/*
 * How long an answer may take while a warm-up is running: a caller's HARD_FAIL
 * is meant, but evidence may come as late. 0: as long as the policy says.
 */
uint32_t control_patience_ms(const struct control *c);
/* As it is set, also while a warm-up enforces less. */
void control_get_policy(const struct control *c, struct revcheck_policy *out);

/* A section as GET shows it: the stored one with every default. */
cJSON *
control_section_with_defaults(const struct control *c, enum section_id id);

/* Who asks for a change, for the history. */
struct control_actor {
	const char *who;
	const char *from;
	const char *action;
};

enum control_outcome {
	CONTROL_CHANGED = 0,
	CONTROL_INVALID,  /* err says what is wrong with the configuration */
	CONTROL_CONFLICT, /* the version is not the stored one */
	CONTROL_FAILED    /* valid, but could not be kept or applied */
};

/*
 * Replaces a section: validates whole, writes the journal, applies to engine
 * and door. Anything but CONTROL_CHANGED leaves the old one in force.
 */
enum control_outcome control_put(struct control *c, enum section_id id,
    int64_t version, const cJSON *config, const char *text,
    const struct control_actor *actor, struct err *err);

/* Lets a client subject in, or not any more: kept and applied, or neither. */
int control_set_subject(struct control *c, const char *holder,
    const char *subject, bool allowed, struct err *err) MUST_USE;

/*
 * Changes what a holding identity registered with or presents; NULL leaves
 * it. Kept and applied, or neither.
 */
int control_set_holding(struct control *c, const char *id,
    const cJSON *registration, const cJSON *setup, struct err *err) MUST_USE;

/*
 * Reads the bootstrap file again; all or nothing. Logged, and told to the
 * service manager.
 */
int control_reload(struct control *c, const struct control_actor *actor,
    struct err *err) MUST_USE;

/* Something may have changed for the worse. Thread-safe. */
void control_recheck(struct control *c);

#endif
