/* fleet_join: life, and what the others are told of this machine. */
#include "gateway/control/fleet_join.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cache/base/clock.h"
#include "gateway/base/json.h"
#include "gateway/control/fleet_join_internal.h"
#include "gateway/control/stores.h"
#include "gateway/fleet/fleet_check.h"

/* What this machine tells of itself. */

static void
add_lag(void *arg, const char *key, const char *why)
{
	cJSON *o = arg;
	char text[FLEET_KEY_SIZE + 200];

	if (json_get(o, "lag") != NULL)
		return;
	snprintf(text, sizeof(text), "%.100s: %.150s", key, why);
	cJSON_AddStringToObject(o, "lag", text);
}

static cJSON *
member_json(const struct fleet_join *j)
{
	cJSON *o = cJSON_CreateObject(), *config;

	cJSON_AddStringToObject(o, "version", REVCHECK_VERSION);
	cJSON_AddStringToObject(o, "epoch", session_watch_epoch(j->sessions));
	config = cJSON_AddObjectToObject(o, "config");
	for (enum section_id id = 0; id < SECTION_NUM; id++) {
		int64_t version = section_version(j->stores->sections, id);

		if (version > 0)
			cJSON_AddNumberToObject(
			    config, section_name(id), (double)version);
	}
	fleet_each_lag(j->fleet, add_lag, o);
	return o;
}

/*
 * On change only: what changes with every event (when, which revision) is added
 * to what has changed, and is not a change itself.
 */
static void
tell(struct fleet_join *j)
{
	cJSON *o = member_json(j);
	char *text = cJSON_PrintUnformatted(o), *whole;
	struct fleet_view view;
	struct err err;

	if (text == NULL ||
	    (j->member != NULL && strcmp(text, j->member) == 0)) {
		cJSON_free(text);
		cJSON_Delete(o);
		return;
	}
	cJSON_free(j->member);
	j->member = text;
	fleet_view(j->fleet, &view);
	cJSON_AddNumberToObject(o, "since", (double)time(NULL));
	cJSON_AddNumberToObject(o, "applied", (double)view.revision);
	whole = cJSON_PrintUnformatted(o);
	if (whole != NULL && fleet_set_member(j->fleet, whole, &err) != 0)
		log_line(j->services->log, LOG_LEVEL_WARN,
		    "the fleet is not told what is in force here: %s", err.msg);
	cJSON_free(whole);
	cJSON_Delete(o);
}

/* From the loop, outside of what fleet calls. */
static void
on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct fleet_join *j = arg;
	struct fleet_view view;
	struct err err;

	(void)fd, (void)what;
	if (!j->was_up && fleet_join_is_up(j)) {
		j->was_up = true;
		j->uniting = true;
		fleet_join_share_keys(j);
		fleet_view(j->fleet, &view);
		/* Nothing but what was made now begins with nothing. */
		j->refused = j->create && (j->known || view.began > 0);
		if (!j->create)
			fleet_join_say_own(j);
		if (j->create && !j->refused && fleet_join_seed(j, &err) != 0)
			log_line(j->services->log, LOG_LEVEL_ERROR,
			    "the fleet cannot be filled with what is stored "
			    "here: %s",
			    err.msg);
	}
	if (j->again) {
		j->again = false;
		fleet_lags_again(j->fleet);
	}
	/* The loop turns between them. */
	if (j->uniting && fleet_join_in_step(j)) {
		j->uniting = fleet_join_unite(j);
		if (j->uniting)
			fleet_join_later(j);
	}
	tell(j);
}

static void
on_changed(void *arg)
{
	struct fleet_join *j = arg;
	struct fleet_view view;

	fleet_view(j->fleet, &view);
	log_line(j->services->log,
	    view.state == FLEET_UP ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
	    "the fleet '%s' is %s%s%s (endpoint='%s' n=%lld)",
	    j->conf->fleet.name, fleet_state_word(view.state),
	    view.why[0] != '\0' ? ": " : "", view.why, view.endpoint,
	    (long long)view.head);
	fleet_join_later(j);
}

/* Life. */

unsigned
fleet_join_kinds(unsigned share)
{
	unsigned kinds = 0;

	if (share & CONF_SHARE_CONFIG)
		kinds |= 1U << CHANGE_SECTION;
	if (share & CONF_SHARE_DENYLIST)
		kinds |= 1U << CHANGE_DENIED;
	if (share & CONF_SHARE_SUBJECTS)
		kinds |= 1U << CHANGE_SUBJECT;
	if (share & CONF_SHARE_HOLDINGS)
		kinds |= 1U << CHANGE_MEMBER | 1U << CHANGE_CHAIN;
	if (share & CONF_SHARE_KEYS)
		kinds |= 1U << CHANGE_KEY;
	return kinds;
}

/* What fleet_new wants: it lends from itself, and from j's configuration. */
struct wanted {
	const char *endpoints[FLEET_LINK_MAX_ENDPOINTS + 1];
	struct fleet_link_options link;
	struct fleet_options options;
};

static void
link_of(struct wanted *w, const struct services *services,
    const struct conf_fleet *f)
{
	for (size_t i = 0; i < f->num_endpoints; i++)
		w->endpoints[i] = f->endpoints[i];
	w->endpoints[f->num_endpoints] = NULL;
	w->link = (struct fleet_link_options){.base = services->base,
	    .log = services->log,
	    .name = f->name,
	    .endpoints = w->endpoints,
	    .ca_file = f->ca_file,
	    .certificate = f->certificate,
	    .key = f->key,
	    .user = f->user,
	    .password_file = f->password_file,
	    .heartbeat_ms = f->heartbeat_ms,
	    .request_timeout_ms = f->request_timeout_ms};
}

static void
wanted_of(struct wanted *w, struct fleet_join *j, const struct conf_fleet *f,
    enum fleet_join_how how)
{
	link_of(w, j->services, f);
	w->options = (struct fleet_options){.link = &w->link,
	    .member = f->member,
	    .secret_file = f->secret_file,
	    .previous_secret_file = f->previous_secret_file,
	    .min_n = (int64_t)f->min_n,
	    .create = how == FLEET_JOIN_CREATE,
	    .adopt = how == FLEET_JOIN_ADOPT,
	    .log = j->services->log,
	    .calls = {.take = fleet_join_take,
		.each = fleet_join_each,
		.facts = fleet_join_facts,
		.changed = on_changed,
		.emptied = fleet_sessions_tell_again},
	    .arg = j};
}

static int
start(struct fleet_join *j, enum fleet_join_how how, struct err *err)
{
	const struct control_keeper keeper = {
	    .kinds = j->kinds, .keep = fleet_join_keep, .arg = j};
	struct fleet_state_facts facts;
	struct wanted w;
	int rc = fleet_state_open(&j->state, j->stores->db, err);

	if (rc == 0)
		rc = fleet_state_facts(j->state, &facts, err);
	if (rc != 0)
		return rc;
	j->has_state = j->known = facts.id[0] != '\0';
	rc = fleet_join_again(j, err);
	if (rc != 0)
		return rc;
	wanted_of(&w, j, &j->conf->fleet, how);
	rc = fleet_new(&j->fleet, &w.options, err);
	if (rc == 0)
		rc = fleet_evidence_new(
		    &j->evidence, j->services, j->fleet, &j->conf->fleet, err);
	if (rc == 0)
		control_set_keeper(j->control, &keeper);
	if (rc == 0 && (j->conf->fleet.share & CONF_SHARE_SESSIONS))
		session_watch_share(j->sessions, fleet_sessions_tell, j);
	return rc;
}

int
fleet_join_new(struct fleet_join **out, const struct fleet_join_parts *parts,
    struct err *err)
{
	struct fleet_join *j = calloc(1, sizeof(*j));
	int rc = 0;

	*out = NULL;
	if (j == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	j->services = parts->services;
	j->control = parts->control;
	j->stores = parts->stores;
	j->sessions = parts->sessions;
	j->conf = conf_up_ref(parts->conf);
	j->kinds = fleet_join_kinds(j->conf->fleet.share);
	j->create = parts->how == FLEET_JOIN_CREATE;
	j->start_mono_ms = clock_mono_ms();
	j->settle = evtimer_new(j->services->base, on_settle, j);
	if (j->settle == NULL)
		rc = err_set(err, E_NOMEM, "out of memory");
	if (rc == 0)
		rc = start(j, parts->how, err);
	if (rc != 0) {
		fleet_join_free(j);
		return rc;
	}
	*out = j;
	return 0;
}

void
fleet_join_free(struct fleet_join *j)
{
	if (j == NULL)
		return;
	control_set_keeper(j->control, NULL);
	session_watch_share(j->sessions, NULL, NULL);
	fleet_evidence_free(j->evidence);
	fleet_free(j->fleet);
	fleet_asks_end(j);
	fleet_seed_free(j->seed);
	fleet_state_close(j->state);
	if (j->settle != NULL)
		event_free(j->settle);
	cJSON_free(j->member);
	conf_free(j->conf);
	free(j);
}

int
fleet_join_reload(struct fleet_join *j, struct conf *conf, struct err *err)
{
	const struct conf_fleet *f = &conf->fleet;
	struct wanted w;
	int rc;

	if (f->name == NULL || strcmp(f->name, j->conf->fleet.name) != 0)
		return 0; /* at the next start */
	wanted_of(&w, j, f, FLEET_JOIN);
	rc = fleet_configure(j->fleet, &w.options, err);
	if (rc == 0)
		rc = fleet_evidence_set(j->evidence, f, err);
	if (rc == 0) {
		conf_free(j->conf);
		j->conf = conf_up_ref(conf);
	}
	return rc;
}

int
fleet_join_check(const struct conf *conf,
    void (*say)(void *arg, bool good, const char *sentence), void *arg,
    struct err *err)
{
	static const struct services nobody = {.base = NULL};
	struct wanted w;

	link_of(&w, &nobody, &conf->fleet);
	return fleet_check(&w.link, say, arg, err);
}

/* Looking at it. */

bool
fleet_join_has_state(const struct fleet_join *j)
{
	return j->has_state;
}

bool
fleet_join_is_up(const struct fleet_join *j)
{
	return fleet_join_in_step(j);
}

bool
fleet_join_is_seeding(const struct fleet_join *j)
{
	return j->seed != NULL || j->uniting || (j->create && !j->was_up);
}

const struct fleet *
fleet_join_fleet(const struct fleet_join *j)
{
	return j->fleet;
}

const struct conf_fleet *
fleet_join_conf(const struct fleet_join *j)
{
	return &j->conf->fleet;
}

int64_t
fleet_join_lag_ms(const struct fleet_join *j)
{
	struct fleet_view view;

	fleet_view(j->fleet, &view);
	return view.lag_ms >= 0 ? view.lag_ms
				: (int64_t)(clock_mono_ms() - j->start_mono_ms);
}

size_t
fleet_join_outbox(const struct fleet_join *j)
{
	struct fleet_view view;

	fleet_view(j->fleet, &view);
	return view.outbox;
}

int
fleet_join_why(const struct fleet_join *j, struct err *err)
{
	struct fleet_view view;

	fleet_view(j->fleet, &view);
	return err_set(err, E_IO, "the fleet '%.64s' is %s: %.150s",
	    j->conf->fleet.name, fleet_state_word(view.state), view.why);
}

bool
fleet_join_is_hopeless(const struct fleet_join *j, struct err *err)
{
	struct fleet_view view;

	fleet_view(j->fleet, &view);
	if (view.state != FLEET_OTHER && view.state != FLEET_TOO_OLD &&
	    view.state != FLEET_UNREADABLE &&
	    (view.state != FLEET_MISSING || j->create) && !j->refused)
		return false;
	if (j->refused)
		err_set(err, E_ARG,
		    "there is a fleet '%.64s' already (id=%.40s): nothing was "
		    "changed there; a start joins it",
		    j->conf->fleet.name, view.id);
	else
		(void)fleet_join_why(j, err);
	return true;
}

void
fleet_join_print(const struct fleet_join *j, FILE *out)
{
	struct fleet_view view;

	fleet_view(j->fleet, &view);
	fprintf(out, "%s: ok (id=%s n=%lld)\n", j->conf->fleet.name, view.id,
	    (long long)view.head);
}

int64_t
fleet_join_filled(const struct fleet_join *j)
{
	struct fleet_view view;

	fleet_view(j->fleet, &view);
	return view.filled;
}
