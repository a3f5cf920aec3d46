/*
 * fleet_text: changes of the stores as records of a fleet, and back. What a
 * record says is read as strictly as what REST is told: it may come from a
 * newer program. Control thread.
 */
#ifndef GATEWAY_CONTROL_FLEET_TEXT_H
#define GATEWAY_CONTROL_FLEET_TEXT_H

#include "gateway/control/change.h"
#include "gateway/fleet/fleet.h"

/* What one change is in the fleet: at most so many records. */
#define FLEET_TEXT_MAX    2
#define FLEET_TEXT_SCHEMA 1
/* A section and its history go into one request of at most 1.5 MiB. */
#define FLEET_TEXT_MAX_SECTION (600 * 1024)

struct fleet_text {
	struct fleet_change v[FLEET_TEXT_MAX]; /* v[0] is the change itself */
	size_t num;
	char names[FLEET_TEXT_MAX][FLEET_KEY_SIZE];
	char *json[FLEET_TEXT_MAX]; /* cJSON_free */
	char key[FLEET_KEY_SIZE];   /* of v[0] */
};

/*
 * The whole of what is to be there: a member's other half is as it is stored, a
 * section has the version after the stored one. Cleanup in any case. E_LIMIT: a
 * section is too large to be shared.
 */
int fleet_text_make(struct fleet_text *out, const struct change *ch,
    const struct stores *stores, struct err *err) MUST_USE;
void fleet_text_cleanup(struct fleet_text *t);

/* The name of a record in its kind: of a subject as it is kept; of a chain
 * (false: it cannot be shared). */
void fleet_text_subject_name(
    char out[FLEET_KEY_SIZE], const char *holder, const char *name);
bool fleet_text_chain_name(char out[FLEET_KEY_SIZE], const char *holder,
    enum certstore_usage usage, const char *alias);

/* Whether a kind is one of those that a change can be. */
bool fleet_text_is_change(enum fleet_kind kind);

/* A record as a change, with what that lends from. Zeroed is empty. */
struct fleet_box {
	bool idle; /* it says what is stored here: nothing to change */
	struct change change;
	cJSON *json, *config;
	struct denied denied;
	struct certstore_list chain;
	struct keystore_given key;
	char holder[16];
};

/* E_PARSE: why this machine cannot act on it. Cleanup in any case. */
int fleet_box_read(struct fleet_box *out, const struct fleet_record *r,
    const struct stores *stores, struct err *err) MUST_USE;
void fleet_box_cleanup(struct fleet_box *b);

#endif
