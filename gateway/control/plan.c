/*
 * plan: gathers what the bootstrap file, the sections, the allow-list and the
 * holding identities come to. Applies nothing.
 */
#include "gateway/control/plan.h"

#include "gateway/control/control.h"
#include "gateway/members/member_identities.h"
#include "gateway/state/allowed_subjects.h"
#include "gateway/control/warm.h"

void
plan_cleanup(struct plan *p)
{
	effect_rules_cleanup(&p->rules);
	conf_free(p->conf);
	p->conf = NULL;
	revcheck_trust_free(p->session);
	p->session = NULL;
	certwatch_list_cleanup(&p->own);
}

static bool
is_hard(enum revcheck_mode mode)
{
	return mode == REVCHECK_MODE_HARD_FAIL;
}

/* What is HARD_FAIL and was not gives SOFT_FAIL's answers for a while. */
static void
plan_soften(struct plan *p, const struct control *c, enum revcheck_mode *tls)
{
	unsigned fresh;

	if (is_hard(p->policy.mode))
		p->hard |= WARM_SESSIONS;
	if (is_hard(*tls != REVCHECK_MODE_DEFAULT ? *tls : p->policy.mode))
		p->hard |= WARM_TLS;
	p->set = p->policy;
	if (p->warm_up_ms == 0)
		return;
	fresh = warm_needed(control_warm(c), p->hard & ~control_hard(c));
	p->warming = (control_warming(c) | fresh) & p->hard;
	if (p->warming == 0)
		return;
	/* New peers that HARD_FAIL would refuse are counted and logged. */
	p->policy.shadow_hard = 1;
	if (p->hard & WARM_TLS)
		*tls = p->warming & WARM_TLS ? REVCHECK_MODE_SOFT_FAIL
					     : REVCHECK_MODE_HARD_FAIL;
	if (p->warming & WARM_SESSIONS)
		p->policy.mode = REVCHECK_MODE_SOFT_FAIL;
}

int
plan_make(struct plan *p, const struct control *c, struct conf *base,
    const struct effect_input *in, struct err *err)
{
	struct allowed_subjects *subjects = control_subjects(c);
	struct effect_overlay overlay = {0};
	struct member_identities set = {0};
	int rc;

	*p = (struct plan){0};
	rc = effect_policy(&p->policy, in, err);
	if (rc == 0)
		rc = effect_rules(&p->rules, in, err);
	if (rc == 0)
		rc = effect_overlay(&overlay, in, err);
	if (rc == 0) {
		overlay.overlay.set_security_level = true;
		overlay.overlay.security_level = p->policy.security_level;
	}
	if (rc == 0 && allowed_subjects_enforced(subjects)) {
		overlay.overlay.set_subjects = true;
		overlay.overlay.subjects = allowed_subjects_list(
		    subjects, &overlay.overlay.num_subjects);
	}
	if (rc == 0)
		rc = member_identities_make(
		    &set, control_holdings(c), control_keys(c), err);
	if (rc == 0) {
		overlay.overlay.identities = set.identities;
		overlay.overlay.num_identities = set.num_identities;
		overlay.overlay.trusts = set.trusts;
		overlay.overlay.num_trusts = set.num_trusts;
		p->session = set.session;
		set.session = NULL;
	}
	if (rc == 0) {
		p->warm_up_ms = effect_warm_up_ms(in);
		plan_soften(p, c, &overlay.overlay.tls_mode);
	}
	if (rc == 0)
		rc = conf_derive(&p->conf, base, &overlay.overlay, err);
	if (rc == 0)
		rc = certwatch_list_make(
		    &p->own, p->conf, control_holdings(c), err);
	effect_overlay_cleanup(&overlay);
	member_identities_cleanup(&set);
	if (rc != 0)
		plan_cleanup(p);
	return rc;
}
