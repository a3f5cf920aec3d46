/*
 * change_log: see the header. Loud where a change lets more in.
 */
#include "gateway/control/change_log.h"

void
change_log_write(const struct control *c, enum section_id id,
    const struct revcheck_policy *before, enum conf_tls_type tls_before,
    const struct control_actor *actor)
{
	const struct log *log = control_log(c);
	struct revcheck_policy now;

	control_get_policy(c, &now);
	log_line(log, LOG_LEVEL_INFO,
	    "configuration changed (section='%s' version=%lld who='%s' "
	    "from='%s' action='%s' mode=%s)",
	    section_schemas[id].name,
	    (long long)section_version(control_sections(c), id), actor->who,
	    actor->from, actor->action, revcheck_mode_name(now.mode));
	if (now.mode == REVCHECK_MODE_HARD_FAIL && before->mode != now.mode &&
	    control_warming(c) == 0)
		log_line(log, LOG_LEVEL_WARN,
		    "revocation mode is HARD_FAIL now: peers that are "
		    "connected stay while their evidence is fetched, within "
		    "the deadline of a check");
	if (now.mode == REVCHECK_MODE_OFF && before->mode != now.mode)
		log_line(log, LOG_LEVEL_WARN,
		    "revocation mode is OFF now: revoked certificates are "
		    "let in");
	if (tls_before == CONF_TLS_MUTUAL &&
	    control_conf(c)->tls.type == CONF_TLS_ONE_WAY)
		log_line(log, LOG_LEVEL_WARN,
		    "tlsType is ONE_WAY now: peers need no certificate");
}
