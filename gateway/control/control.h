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
#include "gateway/control/change.h"
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
	CONTROL_FAILED,   /* valid, but could not be kept or applied */
	CONTROL_AWAY,     /* who keeps it cannot be asked: nothing changed */
	CONTROL_LATER     /* see struct control_later */
};

/* Who is told what a change came to, where it is CONTROL_LATER. */
struct control_answer {
	enum control_outcome outcome;
	bool pending; /* in force here; others will hear of it */
	struct err err;
};
struct control_later {
	/* Once, from the loop, never from inside the asking call. */
	void (*done)(void *arg, const struct control_answer *a);
	void *arg;
	uint32_t wait_ms; /* until all others have it in force; 0: not */
};

/*
 * Who keeps changes in place of this machine alone. keep is asked about what
 * this machine could put in force, copies it, and has it put in force by
 * control_take before it answers. Anything but CONTROL_LATER: that is the
 * answer, and later is not told.
 */
struct control_keeper {
	unsigned kinds; /* bits 1 << enum change_kind; others are kept here */
	enum control_outcome (*keep)(void *arg, const struct change *ch,
	    const struct control_later *later, struct err *err);
	void *arg;
};
void control_set_keeper(struct control *c, const struct control_keeper *keeper);

/*
 * Replaces a section: validates whole, writes it, applies to engine and
 * workers, commits. What workers or the engine cannot be made of is invalid,
 * like what its table refuses. Anything but CONTROL_CHANGED leaves the old one
 * in force. CONTROL_LATER only where there is a keeper.
 */
enum control_outcome
control_put(struct control *c, enum section_id id, int64_t version,
    const cJSON *config, const char *text, const struct control_actor *actor,
    const struct control_later *later, struct err *err);

/*
 * Likewise any other change: kept and applied, or neither. err->code is the
 * store's and state_db's; E_INTERNAL: it cannot be put in force.
 */
enum control_outcome control_change(struct control *c, const struct change *ch,
    const struct control_later *later, struct err *err);

/*
 * Puts changes that were made elsewhere in force at once, in one transaction,
 * in which also (may be NULL) writes, too: all, or none of them.
 */
int control_take(struct control *c, const struct change *v, size_t num,
    int (*also)(void *arg, struct err *err), void *arg,
    struct err *err) MUST_USE;

/*
 * Reads the bootstrap file again; all or nothing. Logged, and told to the
 * service manager.
 */
int control_reload(struct control *c, const struct control_actor *actor,
    struct err *err) MUST_USE;

/* Something may have changed for the worse. Thread-safe. */
void control_recheck(struct control *c);

#endif
