/*
 * candidate: gathers what the bootstrap file, the sections, the allow-list and
 * the holding identities come to. Applies nothing.
 */
#include "gateway/control/candidate.h"

#include "gateway/members/member_identities.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/control/warmup.h"

void
candidate_cleanup(struct candidate *p)
{
	effective_rules_cleanup(&p->rules);
	effective_options_cleanup(&p->options);
	cJSON_free(p->addresses);
	p->addresses = NULL;
	conf_free(p->conf);
	p->conf = NULL;
	revcheck_trust_free(p->session);
	p->session = NULL;
	certwatch_list_cleanup(&p->watched);
}

static bool
is_hard(enum revcheck_mode mode)
{
	return mode == REVCHECK_MODE_HARD_FAIL;
}

static enum revcheck_mode
resolved(enum revcheck_mode mode, enum revcheck_mode inherited)
{
	return mode != REVCHECK_MODE_DEFAULT ? mode : inherited;
}

static char *
addresses_text(const struct revcheck_options *o)
{
	cJSON *list = cJSON_CreateArray();
	char *text;

	cJSON_AddItemToArray(list, cJSON_CreateBool(o->refuse_private));
	cJSON_AddItemToArray(list, cJSON_CreateBool(o->any_port));
	for (size_t i = 0; o->ports != NULL && o->ports[i] != 0; i++)
		cJSON_AddItemToArray(list, cJSON_CreateNumber(o->ports[i]));
	for (size_t i = 0;
	     o->allow_addresses != NULL && o->allow_addresses[i] != NULL; i++)
		cJSON_AddItemToArray(
		    list, cJSON_CreateString(o->allow_addresses[i]));
	text = cJSON_PrintUnformatted(list);
	cJSON_Delete(list);
	return text;
}

/* Where may be fetched from, and whether the engine would take it. */
static int
addresses_make(struct candidate *p, const struct effective_input *effective,
    struct err *err)
{
	struct revcheck_options some = {.size = sizeof(some)};
	struct revcheck_error why;
	int rc = effective_options(&p->options, effective, err);

	if (rc != 0)
		return rc;
	p->options.options.size = sizeof(p->options.options);
	p->addresses = addresses_text(&p->options.options);
	if (p->addresses == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	some.allow_addresses = p->options.options.allow_addresses;
	rc = revcheck_check_options(&some, &why);
	return rc == 0 ? 0 : err_set(err, E_PARSE, "%s", why.msg);
}

/* Before anything is softened. */
static struct loose
loose_of(const struct conf *values, const struct effective_rules *rules)
{
	struct loose l = {
	    .sessions = resolved(values->policy.mode, REVCHECK_MODE_SOFT_FAIL),
	    .one_way = values->tls.type != CONF_TLS_MUTUAL,
	    .rules = rules->num};

	l.tls = resolved(values->tls.mode, l.sessions);
	for (size_t i = 0; i < rules->num; i++)
		if (rules->rules[i].exempt ||
		    rules->rules[i].mode == REVCHECK_MODE_OFF)
			l.exempt++;
	return l;
}

/* What is HARD_FAIL and was not gives SOFT_FAIL's answers for a while. */
static void
candidate_soften(struct candidate *p, const struct candidate_input *in,
    enum revcheck_mode *tls)
{
	if (is_hard(p->policy.mode))
		p->hard |= WARMUP_SESSIONS;
	if (is_hard(resolved(*tls, p->policy.mode)))
		p->hard |= WARMUP_TLS;
	p->set = p->policy;
	if (p->warm_up_ms == 0)
		return;
	p->warming = (in->warming | (in->live & ~in->hard)) & p->hard;
	if (p->warming == 0)
		return;
	/* New peers that HARD_FAIL would refuse are counted and logged. */
	p->policy.shadow_hard = 1;
	if (p->hard & WARMUP_TLS)
		*tls = p->warming & WARMUP_TLS ? REVCHECK_MODE_SOFT_FAIL
					       : REVCHECK_MODE_HARD_FAIL;
	if (p->warming & WARMUP_SESSIONS)
		p->policy.mode = REVCHECK_MODE_SOFT_FAIL;
}

int
candidate_make(
    struct candidate *p, const struct candidate_input *in, struct err *err)
{
	const struct effective_input *effective = &in->effective;
	struct effective_values values = {0};
	struct conf_overlay overlay = {.values = &values.conf};
	struct member_identities set = {0};
	int rc;

	*p = (struct candidate){0};
	rc = effective_values(&values, effective, err);
	p->policy = values.conf.policy;
	if (rc == 0)
		rc = effective_rules(&p->rules, effective, err);
	if (rc == 0)
		rc = addresses_make(p, effective, err);
	p->loose = loose_of(&values.conf, &p->rules);
	if (rc == 0 && allowed_subjects_enforced(in->subjects)) {
		overlay.set_subjects = true;
		overlay.subjects = allowed_subjects_names(in->subjects);
	}
	if (rc == 0)
		rc = member_identities_make(&set, in->members, in->keys, err);
	if (rc == 0) {
		overlay.identities = set.identities;
		overlay.num_identities = set.num_identities;
		overlay.trusts = set.trusts;
		overlay.num_trusts = set.num_trusts;
		p->session = set.session;
		set.session = NULL;
	}
	if (rc == 0) {
		p->warm_up_ms = values.conf.warm_up_ms;
		candidate_soften(p, in, &values.conf.tls.mode);
	}
	if (rc == 0)
		rc = conf_derive(&p->conf, in->base, &overlay, err);
	if (rc == 0)
		rc =
		    certwatch_list_make(&p->watched, p->conf, in->members, err);
	effective_values_cleanup(&values);
	member_identities_cleanup(&set);
	if (rc != 0)
		candidate_cleanup(p);
	return rc;
}
