/*
 * control: what is in force, and how it changes: whole or not at all. Owns the
 * configuration in force and the warm-up; works with what main lends it. Lives
 * on the control thread, except where said.
 */
#ifndef GATEWAY_CONTROL_CONTROL_H
#define GATEWAY_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/control/change_log.h"
#include "gateway/control/change_origin.h"
#include "gateway/state/section_store.h"
#include "revcheck/revcheck.h"

struct certwatch;
struct chain_cache;
struct control;
struct loose;
struct services;
struct session_watch;
struct stores;
struct warmup;
struct workers;

/* Borrowed; must outlive control. */
struct control_parts {
	const struct services *services;
	struct stores *stores;
	struct chain_cache *chains;
	struct session_watch *sessions;
	struct certwatch *certwatch;
};

/* Puts in force what conf, the bootstrap file, and the stores say. */
int control_new(struct control **out, const struct control_parts *parts,
    struct conf *conf, struct err *err) MUST_USE;
void control_free(struct control *c);

/*
 * The data plane, once it runs: borrowed, and changed with everything else;
 * NULL takes it away.
 */
void control_set_workers(struct control *c, struct workers *workers);

/*
 * Who must agree when the bootstrap file has been read again: fn takes conf
 * over into force, or refuses it and goes on with what it had. Called again
 * with the conf before when something else refuses.
 */
typedef int control_reload_fn(void *arg, struct conf *conf, struct err *err);
void control_on_reload(struct control *c, control_reload_fn *fn, void *arg);

struct conf *control_conf(const struct control *c); /* in force; lends */
/* As it is set, also while a warm-up enforces less. */
void control_get_policy(const struct control *c, struct revcheck_policy *out);
/* What lets somebody in unasked. Lends. */
const struct loose *control_loose(const struct control *c);
/* Since when something is as it is, and by whom. Lends, until a change. */
const struct change_origin *
control_origin(struct control *c, enum change_fact fact);
/* Lends. */
const struct warmup *control_warmup(const struct control *c);
/*
 * How long an answer may take while a warm-up is running: a caller's HARD_FAIL
 * is meant, but evidence may come as late. 0: as long as the policy says.
 */
uint32_t control_patience_ms(const struct control *c);

/*
 * Names of the keys of the file that were changed by reloads and act at the
 * next start. NULL: out of memory.
 */
cJSON *control_next_start(const struct control *c);

/* A section as GET shows it: the stored one with every default. */
cJSON *
control_section_with_defaults(const struct control *c, enum section_id id);

enum control_outcome {
	CONTROL_CHANGED = 0,
	CONTROL_INVALID,  /* err says what is wrong with the configuration */
	CONTROL_CONFLICT, /* the version is not the stored one */
	CONTROL_FAILED    /* valid, but could not be kept or applied */
};

/*
 * Replaces a section: validates whole, writes it, applies to engine and
 * workers, commits. What workers or the engine cannot be made of is invalid,
 * like what its table refuses. Anything but CONTROL_CHANGED leaves the old one
 * in force.
 */
enum control_outcome control_put(struct control *c, enum section_id id,
    int64_t version, const cJSON *config, const char *text,
    const struct control_actor *actor, struct err *err);

/*
 * Lets a client subject in, or not any more: kept and applied, or neither.
 * Errors: allowed_subjects_set's and state_db's; E_INTERNAL: it cannot be put
 * in force.
 */
int control_set_subject(struct control *c, const char *holder,
    const char *subject, bool allowed, struct err *err) MUST_USE;

/*
 * Changes what a holding identity registered with or presents; NULL leaves
 * it. Kept and applied, or neither. Errors likewise.
 */
int control_set_member(struct control *c, const char *id,
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
