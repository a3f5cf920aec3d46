/*
 * change_log: see the header. What lets somebody in unasked is said by
 * control/loose; here, which keys became laxer.
 */
#include "gateway/control/change_log.h"

#include <stdio.h>

#include "gateway/conf/conf_key.h"

static void
print_value(char *buf, size_t size, const struct conf_key *k, int64_t v)
{
	cJSON *json = conf_key_json(k, v);

	buf[0] = '\0';
	if (json == NULL || !cJSON_PrintPreallocated(json, buf, (int)size, 0))
		snprintf(buf, size, "%lld", (long long)v);
	cJSON_Delete(json);
}

/* Modes have lines of their own. */
static void
write_laxer(const struct log *log, const struct change_log_entry *e)
{
	char before[160], now[160];

	for (const struct conf_key *k = conf_keys; !conf_key_ends(k); k++) {
		int64_t was, is;

		if (k->pushed == NULL || k->section != e->section ||
		    (k->flags & (CONF_NO_EFFECT | CONF_UNSET)) ||
		    !(conf_key_is_number(k) || k->kind == CONF_KIND_BITS))
			continue;
		was = conf_key_load(k, e->conf_before);
		is = conf_key_load(k, e->conf);
		if (!conf_key_is_laxer(k, was, is))
			continue;
		print_value(before, sizeof(before), k, was);
		print_value(now, sizeof(now), k, is);
		log_event(log, LOG_LEVEL_WARN, "key-is-laxer", NULL, 0,
		    "%s of %s is laxer than before (before=%s now=%s)",
		    k->pushed, section_name(k->section), before, now);
	}
}

static void
write_mode(const struct log *log, const char *scope, enum revcheck_mode was,
    enum revcheck_mode is, bool warming)
{
	if (is < was)
		log_event(log, LOG_LEVEL_WARN, "mode-is-laxer", NULL, 0,
		    "revocation mode of %s is laxer than before (before=%s "
		    "now=%s)",
		    scope, revcheck_mode_name(was), revcheck_mode_name(is));
	else if (is != was && is == REVCHECK_MODE_HARD_FAIL && !warming)
		log_line(log, LOG_LEVEL_WARN,
		    "revocation mode is HARD_FAIL now for %s: who is connected "
		    "stays while evidence is fetched, within the deadline of "
		    "a check",
		    scope);
}

void
change_log_write(const struct log *log, const struct change_log_entry *e)
{
	log_line(log, LOG_LEVEL_INFO,
	    "configuration changed (section='%s' version=%lld who='%s' "
	    "from='%s' action='%s' mode_tls=%s mode_sessions=%s tls_type=%s "
	    "exempt_issuers=%zu)",
	    section_name(e->section), (long long)e->version, e->actor->who,
	    e->actor->from, e->actor->action, revcheck_mode_name(e->now.tls),
	    revcheck_mode_name(e->now.sessions),
	    e->now.one_way ? "ONE_WAY" : "MUTUAL", e->now.exempt);
	write_mode(log, "TLS peers", e->before.tls, e->now.tls, e->warming);
	write_mode(log, "session checks", e->before.sessions, e->now.sessions,
	    e->warming);
	write_laxer(log, e);
}
