/* fleet: life, and what the link says. See fleet_core.h for the parts. */
#include "gateway/fleet/fleet.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/clock.h"
#include "gateway/fleet/fleet_claims.h"
#include "gateway/fleet/fleet_identity.h"
#include "gateway/fleet/fleet_lags.h"
#include "gateway/fleet/fleet_member.h"
#include "gateway/fleet/fleet_outbox.h"
#include "gateway/fleet/fleet_pace.h"
#include "gateway/fleet/fleet_refill.h"
#include "gateway/fleet/fleet_take.h"
#include "gateway/fleet/fleet_tally.h"
#include "gateway/fleet/fleet_tell.h"
#include "gateway/fleet/fleet_write.h"

static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct fleet *f = arg;

	if (f->reread) {
		f->reread = f->loaded = false;
		fleet_link_read_anew(f->link, "the fleet can be followed now");
	}
	fleet_tally_moved(f);
	fleet_identity_state(f);
	fleet_refill_moved(f);
	fleet_outbox_moved(f);
	fleet_write_moved(f);
	fleet_tell_moved(f);
	fleet_claims_moved(f);
	fleet_member_moved(f);
	fleet_lags_moved(f);
}

/* What the link says. */

static void
on_loading(void *arg)
{
	struct fleet *f = arg;

	fleet_unsee(f);
	f->load++;
	f->loading = true;
	f->loaded = false;
	f->head_revision = f->engine_head = 0;
	f->head_damaged = false;
	f->engine_tally = (struct fleet_tally){.known = false};
	fleet_tally_forget(f);
	fleet_identity_loading(f);
	f->said = 0;
	fleet_kick(f);
}

static void
on_records(void *arg, const struct fleet_kv *kv, size_t num, bool whole)
{
	struct fleet *f = arg;

	/* Without it nothing else can be read. */
	for (size_t i = 0; i < num; i++)
		if (strcmp(kv[i].key, FLEET_KEY_FLEET) == 0)
			fleet_identity_see(f, &kv[i]);
		else if (strcmp(kv[i].key, FLEET_KEY_HEAD) == 0)
			fleet_identity_prove(f, &kv[i]);
	for (size_t i = 0; i < num; i++)
		fleet_see(f, &kv[i]);
	if (!whole) {
		(void)!fleet_commit(f, NULL);
		fleet_link_set_members(
		    f->link, mirror_num(f->mirror, FLEET_MEMBER));
	}
	fleet_kick(f);
}

static void
on_loaded(void *arg, int64_t revision)
{
	struct fleet *f = arg;

	f->loading = false;
	f->loaded = true;
	fleet_identity_loaded(f);
	if (f->follows) {
		fleet_see_rest(f);
		(void)!fleet_commit(f, NULL);
	}
	fleet_link_set_members(f->link, mirror_num(f->mirror, FLEET_MEMBER));
	fleet_kick(f);
}

static void
on_state(void *arg, enum fleet_link_state state, const char *why)
{
	struct fleet *f = arg;

	f->link_state = state;
	if (state == FLEET_LINK_UP)
		f->away_since_ms = 0;
	else if (f->away_since_ms == 0)
		f->away_since_ms = clock_mono_ms();
	fleet_kick(f);
}

/* Life. */

static int
hold(void *arg, const struct fleet_held *held, struct err *err)
{
	return fleet_take_held(arg, held, err);
}

static int
remember(struct fleet *f, struct err *err)
{
	struct fleet_facts facts = {.id = ""};
	struct fleet_meaning head = {.n = 0};
	int rc = f->calls.facts(f->arg, &facts, err);

	if (rc == 0 && facts.id[0] != '\0' &&
	    strlen(facts.id) != FLEET_ID_SIZE - 1)
		rc = err_set(err, E_PARSE,
		    "the fleet that was followed has no "
		    "id");
	if (rc != 0)
		return rc;
	if (facts.id[0] != '\0')
		memcpy(f->id, facts.id, FLEET_ID_SIZE);
	f->fresh = facts.id[0] == '\0';
	f->head = facts.head;
	f->filled = facts.filled;
	if (facts.tally != NULL && facts.tally[0] != '\0' &&
	    fleet_record_read(
		&head, FLEET_HEAD, facts.tally, strlen(facts.tally), err) != 0)
		return E_PARSE;
	f->tally = head.tally;
	return f->calls.each(f->arg, NULL, hold, f, err);
}

static int
parts_init(struct fleet *f, struct err *err)
{
	int rc = fleet_take_init(f, err);

	if (rc == 0)
		rc = fleet_tally_init(f, err);
	if (rc == 0)
		rc = fleet_identity_init(f, err);
	if (rc == 0)
		rc = fleet_write_init(f, err);
	if (rc == 0)
		rc = fleet_outbox_init(f, err);
	if (rc == 0)
		rc = fleet_refill_init(f, err);
	if (rc == 0)
		rc = fleet_tell_init(f, err);
	if (rc == 0)
		rc = fleet_claims_init(f, err);
	if (rc == 0)
		rc = fleet_member_init(f, err);
	return rc;
}

static int
options_copy(struct fleet *f, const struct fleet_options *o, struct err *err)
{
	char member[FLEET_KEY_SIZE];

	f->log = o->log;
	f->calls = o->calls;
	f->arg = o->arg;
	f->base = o->link->base;
	f->min_n = o->min_n;
	f->create = o->create;
	f->adopt = f->trusts = o->adopt;
	f->state = FLEET_STARTING;
	f->blocked = FLEET_UP;
	f->away_since_ms = clock_mono_ms();
	if (o->member == NULL ||
	    !fleet_name_part(member, sizeof(member) / 2, o->member))
		return err_set(err, E_ARG, "a member of a fleet needs a name");
	f->member = strdup(member);
	f->secret_file = strdup(o->secret_file);
	f->kick = event_new(f->base, -1, 0, on_kick, f);
	if (f->member == NULL || f->secret_file == NULL || f->kick == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	return fleet_seal_new(
	    &f->seal, o->secret_file, o->previous_secret_file, err);
}

int
fleet_new(
    struct fleet **out, const struct fleet_options *options, struct err *err)
{
	struct fleet *f = calloc(1, sizeof(*f));
	int rc;

	*out = NULL;
	if (f == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	rc = options_copy(f, options, err);
	if (rc == 0)
		rc = mirror_new(&f->mirror, err);
	if (rc == 0)
		rc = parts_init(f, err);
	if (rc == 0)
		rc = remember(f, err);
	if (rc == 0)
		rc = fleet_link_new(&f->link, options->link,
		    &(struct fleet_link_calls){.arg = f,
			.loading = on_loading,
			.records = on_records,
			.loaded = on_loaded,
			.state = on_state},
		    err);
	if (rc != 0) {
		fleet_free(f);
		return rc;
	}
	*out = f;
	return 0;
}

void
fleet_free(struct fleet *f)
{
	if (f == NULL)
		return;
	fleet_link_free(f->link);
	fleet_member_cleanup(f);
	fleet_claims_cleanup(f);
	fleet_tell_cleanup(f);
	fleet_refill_cleanup(f);
	fleet_outbox_cleanup(f);
	fleet_write_cleanup(f);
	fleet_identity_cleanup(f);
	fleet_tally_cleanup(f);
	fleet_take_cleanup(f);
	mirror_free(f->mirror);
	fleet_seal_free(f->seal);
	if (f->kick != NULL)
		event_free(f->kick);
	free(f->member);
	free(f->secret_file);
	free(f);
}

int
fleet_configure(
    struct fleet *f, const struct fleet_options *options, struct err *err)
{
	struct fleet_seal *seal = NULL;
	char *file = strdup(options->secret_file);
	int rc = file != NULL ? 0 : err_set(err, E_NOMEM, "out of memory");

	if (rc == 0)
		rc = fleet_seal_new(&seal, options->secret_file,
		    options->previous_secret_file, err);
	if (rc == 0)
		rc = fleet_link_configure(f->link, options->link, err);
	if (rc != 0) {
		fleet_seal_free(seal);
		free(file);
		return rc;
	}
	fleet_seal_free(f->seal);
	free(f->secret_file);
	f->seal = seal;
	f->secret_file = file;
	f->damaged_identity = 0;
	fleet_pace_forget(f);
	fleet_member_again(f);
	fleet_kick(f);
	return 0;
}
