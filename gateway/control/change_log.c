/*
 * change_log: see the header. Loud where a change lets more in.
 */
#include "gateway/control/change_log.h"

void
change_log_write(const struct log *log, const struct change_log_entry *e)
{
	bool other = e->now.mode != e->before.mode;

	log_line(log, LOG_LEVEL_INFO,
	    "configuration changed (section='%s' version=%lld who='%s' "
	    "from='%s' action='%s' mode=%s)",
	    section_name(e->section), (long long)e->version, e->actor->who,
	    e->actor->from, e->actor->action, revcheck_mode_name(e->now.mode));
	if (other && e->now.mode == REVCHECK_MODE_HARD_FAIL && !e->warming)
		log_line(log, LOG_LEVEL_WARN,
		    "revocation mode is HARD_FAIL now: peers that are "
		    "connected stay while their evidence is fetched, within "
		    "the deadline of a check");
	if (other && e->now.mode == REVCHECK_MODE_OFF)
		log_line(log, LOG_LEVEL_WARN,
		    "revocation mode is OFF now: revoked certificates are "
		    "let in");
	if (e->before.tls == CONF_TLS_MUTUAL && e->now.tls == CONF_TLS_ONE_WAY)
		log_line(log, LOG_LEVEL_WARN,
		    "tlsType is ONE_WAY now: peers need no certificate");
}
