/*
 * certwatch_log: what is said about a certificate of our own, loudly, once a
 * change and once a day. Control thread; decides nothing else.
 */
#include "gateway/certwatch/certwatch_entry.h"

#define LINE(e, level, fmt, ...) \
	log_line((e)->watch->services->log, level, fmt, ##__VA_ARGS__)

static void
say_status(struct certwatch_entry *e, time_t now)
{
	bool bad = e->said_status.what != 0;

	switch (e->status) {
	case REVCHECK_REVOKED:
		if (certwatch_say(
			&e->said_status, 1 + REVCHECK_REVOKED, true, now))
			LINE(e, LOG_LEVEL_ERROR,
			    "own certificate is revoked and must be replaced, "
			    "peers will refuse it: %s (identity='%s')",
			    e->text, e->item.name);
		break;
	case REVCHECK_UNKNOWN:
		if (certwatch_say(
			&e->said_status, 1 + REVCHECK_UNKNOWN, false, now))
			LINE(e,
			    e->why == REVCHECK_WHY_NO_SOURCE ? LOG_LEVEL_INFO
							     : LOG_LEVEL_WARN,
			    "status of an own certificate is not known: %s "
			    "(identity='%s' why=%s)",
			    e->text, e->item.name, revcheck_why_name(e->why));
		break;
	case REVCHECK_GOOD:
		if (certwatch_say(
			&e->said_status, 1 + REVCHECK_GOOD, false, now))
			LINE(e, bad ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
			    "own certificate is good: %s (identity='%s')",
			    e->text, e->item.name);
		break;
	default:
		if (e->path == NULL && e->vouched_known &&
		    certwatch_say(
			&e->said_status, 1 + REVCHECK_NOT_ASKED, false, now))
			LINE(e, LOG_LEVEL_INFO,
			    "own certificate is watched for its expiry only: "
			    "%s (identity='%s')",
			    e->text, e->item.name);
	}
}

static void
say_expiry(struct certwatch_entry *e, const struct conf_own *conf, time_t now)
{
	enum certwatch_expiry expiry =
	    certwatch_expiry_of(e->not_after, now, conf);
	enum log_level level =
	    expiry == CERTWATCH_EXPIRY_WARN ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR;

	if (!certwatch_say(&e->said_expiry, (int)expiry, true, now))
		return;
	if (expiry == CERTWATCH_EXPIRED)
		LINE(e, level,
		    "own certificate has expired and must be replaced "
		    "(identity='%s' certificate=%zu)",
		    e->item.name, e->first_to_end);
	else
		LINE(e, level,
		    "own certificate expires in %.1f days "
		    "(identity='%s' certificate=%zu)",
		    difftime(e->not_after, now) / 86400, e->item.name,
		    e->first_to_end);
}

static void
say_staple(struct certwatch_entry *e, time_t now)
{
	bool missing = e->must_staple && e->staple == NULL;

	/* While it is asked about nothing has changed yet. */
	if (!e->answered || chain_poll_is_asking(&e->question))
		return;
	if (certwatch_say(&e->said_staple, missing, true, now))
		LINE(e, LOG_LEVEL_WARN,
		    "own certificate must be stapled (RFC 7633) and there is "
		    "no staple, peers may refuse it (identity='%s')",
		    e->item.name);
}

void
certwatch_entry_say(struct certwatch_entry *e, time_t now)
{
	if (e->answered)
		say_status(e, now);
	say_expiry(e, &e->watch->conf, now);
	say_staple(e, now);
}
