/*
 * change_origin: since when something important is as it is, by whom, and with
 * which version of which section: of the mode, not of the section that has it,
 * which may have been pushed again with another key. Control thread.
 */
#ifndef GATEWAY_CONTROL_CHANGE_ORIGIN_H
#define GATEWAY_CONTROL_CHANGE_ORIGIN_H

#include <stdint.h>
#include <time.h>

#include "gateway/state/section_store.h"

enum change_fact {
	CHANGE_TLS_MODE = 0,
	CHANGE_TLS_TYPE,
	CHANGE_SESSIONS_MODE,
	CHANGE_SHADOW_MODE,
	CHANGE_ISSUERS,
	CHANGE_NUM_FACTS
};

struct change_origin {
	enum section_id section; /* SECTION_NUM: the file says so */
	int64_t version;         /* of the section */
	time_t at;
	char who[128], from[128];
};

/* Zeroed at first. */
struct change_origins {
	struct change_origin pushed[CHANGE_NUM_FACTS];
	struct change_origin file[CHANGE_NUM_FACTS];
	int64_t versions[SECTION_NUM]; /* which pushed is of */
	int64_t values[CHANGE_NUM_FACTS];
};

/*
 * The file was read: what it means now, as numbers to be compared; who and from
 * where. A value that is as before keeps its origin.
 */
void change_origins_loaded(struct change_origins *o,
    const int64_t values[CHANGE_NUM_FACTS], time_t at, const char *who,
    const char *from);

/* Lends; reads the history again when a section has another version. */
const struct change_origin *change_origins_get0(struct change_origins *o,
    const struct section_store *sections, enum change_fact fact);

#endif
