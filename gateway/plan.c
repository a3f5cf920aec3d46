/*
 * plan: gathers what the bootstrap file, the sections, the allow-list and the
 * holding identities come to. Applies nothing.
 */
#include "gateway/plan.h"

#include "gateway/control.h"
#include "gateway/setup.h"
#include "gateway/subjects.h"

void
plan_cleanup(struct plan *p)
{
	effect_rules_cleanup(&p->rules);
	conf_free(p->conf);
	p->conf = NULL;
	revcheck_trust_free(p->session);
	p->session = NULL;
}

int
plan_make(struct plan *p, const struct control *c, struct conf *base,
    const struct effect_input *in, struct err *err)
{
	struct subjects *subjects = control_subjects(c);
	struct effect_overlay overlay = {0};
	struct setup_effect set = {0};
	int rc;

	*p = (struct plan){0};
	rc = effect_policy(&p->policy, in, err);
	if (rc == 0)
		rc = effect_rules(&p->rules, in, err);
	if (rc == 0)
		rc = effect_overlay(&overlay, in, err);
	if (rc == 0 && subjects_enforced(subjects)) {
		overlay.overlay.set_subjects = true;
		overlay.overlay.subjects =
		    subjects_list(subjects, &overlay.overlay.num_subjects);
	}
	if (rc == 0)
		rc = setup_effect_make(
		    &set, control_holdings(c), control_keys(c), err);
	if (rc == 0) {
		overlay.overlay.identities = set.identities;
		overlay.overlay.num_identities = set.num_identities;
		overlay.overlay.trusts = set.trusts;
		overlay.overlay.num_trusts = set.num_trusts;
		p->session = set.session;
		set.session = NULL;
	}
	if (rc == 0)
		rc = conf_derive(&p->conf, base, &overlay.overlay, err);
	effect_overlay_cleanup(&overlay);
	setup_effect_cleanup(&set);
	if (rc != 0)
		plan_cleanup(p);
	return rc;
}
