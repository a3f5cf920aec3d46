/* change_origin: see the header. */
#include "gateway/control/change_origin.h"

#include <stdio.h>
#include <string.h>

#include "gateway/base/json.h"
#include "gateway/base/json_path.h"

/* Where it can be pushed; the first that is set counts. */
static const struct {
	enum change_fact fact;
	enum section_id section;
	const char *path;
} places[] = {
    {CHANGE_TLS_MODE, SECTION_GATEWAY, "sslConfig.revocationCheck.mode"},
    {CHANGE_TLS_MODE, SECTION_LINK_MANAGER, "revocationCheck.mode"},
    {CHANGE_TLS_TYPE, SECTION_GATEWAY, "sslConfig.tlsType"},
    {CHANGE_SESSIONS_MODE, SECTION_LINK_MANAGER, "revocationCheck.mode"},
    {CHANGE_SHADOW_MODE, SECTION_REVCHECK, "shadowMode"},
    {CHANGE_ISSUERS, SECTION_REVCHECK, "issuers"},
};
#define NUM_PLACES (sizeof(places) / sizeof(places[0]))

/* Since which version a place says what it says, and whether it says it. */
struct reading {
	const char *path;
	cJSON *value; /* NULL: nothing is said */
	struct change_origin since;
	int64_t seq; /* of that version; 0: it never said anything */
};

static int
hear(void *arg, const struct section_change *c, struct err *err)
{
	struct reading *r = arg;
	cJSON *config = NULL, *value = NULL;
	int rc = json_parse(&config, c->text, strlen(c->text), err);

	if (rc != 0)
		return rc;
	value = cJSON_Duplicate(json_path_get(config, r->path), 1);
	cJSON_Delete(config);
	if (cJSON_IsNull(value)) {
		cJSON_Delete(value);
		value = NULL;
	}
	if (value == NULL && r->value == NULL)
		return 0;
	if (value == NULL || r->value == NULL || !json_equal(value, r->value)) {
		r->since.version = c->version;
		r->since.at = c->at;
		r->seq = c->seq;
		snprintf(r->since.who, sizeof(r->since.who), "%s", c->who);
		snprintf(r->since.from, sizeof(r->since.from), "%s", c->from);
	}
	cJSON_Delete(r->value);
	r->value = value;
	return 0;
}

/* What no section says any more is as it is since it was taken away. */
static void
look(struct change_origins *o, const struct section_store *sections,
    enum change_fact fact)
{
	struct change_origin *out = &o->pushed[fact];
	int64_t seq = 0;
	struct err err;

	*out = (struct change_origin){.section = SECTION_NUM};
	for (size_t i = 0; i < NUM_PLACES; i++) {
		struct reading r = {.path = places[i].path,
		    .since = {.section = places[i].section}};
		bool said;

		if (places[i].fact != fact ||
		    section_version(sections, places[i].section) ==
			SECTION_VERSION_NONE ||
		    section_read_history(
			sections, places[i].section, hear, &r, &err) != 0) {
			cJSON_Delete(r.value);
			continue;
		}
		said = r.value != NULL;
		cJSON_Delete(r.value);
		/* Unless what went before it was taken away later. */
		if (r.seq > seq) {
			*out = r.since;
			seq = r.seq;
		}
		if (said)
			return;
	}
}

void
change_origins_loaded(struct change_origins *o,
    const int64_t values[CHANGE_NUM_FACTS], time_t at, const char *who,
    const char *from)
{
	for (size_t i = 0; i < CHANGE_NUM_FACTS; i++) {
		struct change_origin *f = &o->file[i];

		if (f->at != 0 && o->values[i] == values[i])
			continue;
		o->values[i] = values[i];
		*f = (struct change_origin){
		    .section = SECTION_NUM, .version = -1, .at = at};
		snprintf(f->who, sizeof(f->who), "%s", who);
		snprintf(f->from, sizeof(f->from), "%s", from);
	}
}

const struct change_origin *
change_origins_get0(struct change_origins *o,
    const struct section_store *sections, enum change_fact fact)
{
	bool news = false;

	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		int64_t version = section_version(sections, id);

		/* 0 is no version: the first call finds all of them new. */
		news = news || o->versions[id] != version;
		o->versions[id] = version;
	}
	for (enum change_fact f = 0; news && f < CHANGE_NUM_FACTS; f++)
		look(o, sections, f);
	return o->pushed[fact].at != 0 ? &o->pushed[fact] : &o->file[fact];
}
