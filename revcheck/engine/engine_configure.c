/* engine_configure: what is changed together. Any thread. */
#include "revcheck/engine/engine_state.h"
#include "revcheck/x509/certs.h"

int
revcheck_configure(struct revcheck *rc, const struct revcheck_policy *policy,
    const struct revcheck_issuer_rule *rules, size_t num,
    const struct revcheck_options *addresses, struct revcheck_error *err)
{
	struct issuer_rules *fresh = NULL, *old;
	struct revcheck_policy resolved;
	struct err e = {0};
	int code = policy_resolve(&resolved, policy, &e);

	if (code == 0 && num > 0)
		code = issuer_rules_new(&fresh, rules, num, &e);
	if (code != 0)
		return error_publish(err, &e, code);
	/* The last that can fail. */
	if (addresses != NULL) {
		code = revcheck_set_addresses(rc, addresses, err);
		if (code != 0) {
			issuer_rules_free(fresh);
			return code;
		}
	}
	engine_lock(rc);
	old = rc->now.rules;
	rc->now.rules = fresh;
	rc->now.policy = resolved;
	engine_unlock(rc);
	issuer_rules_free(old);
	cert_sources_memo_clear(rc->memo);
	engine_changed(rc);
	return 0;
}
