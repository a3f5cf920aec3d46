/* certwatch_rules: see the header. Pure, any thread. */
#include "gateway/certwatch/certwatch_rules.h"

enum certwatch_expiry
certwatch_expiry_of(time_t not_after, time_t now, const struct conf_own *conf)
{
	double left = difftime(not_after, now);

	if (left <= 0)
		return CERTWATCH_EXPIRED;
	if (left < conf->error_days * 86400.0)
		return CERTWATCH_EXPIRY_ERROR;
	if (left < conf->warn_days * 86400.0)
		return CERTWATCH_EXPIRY_WARN;
	return CERTWATCH_EXPIRY_FAR;
}

size_t
certwatch_first_to_end(const struct revcheck_certs *chain, time_t *not_after)
{
	size_t first = 0;

	*not_after = 0;
	for (size_t i = 0; i < revcheck_certs_num(chain); i++) {
		X509 *x = revcheck_certs_get0(chain, i);
		struct tm tm;
		time_t end;

		if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
			continue;
		end = timegm(&tm);
		if (*not_after == 0 || end < *not_after) {
			*not_after = end;
			first = i;
		}
	}
	return first;
}

bool
certwatch_say(struct certwatch_said *s, int what, bool repeat, time_t now)
{
	bool due =
	    what != s->what || (repeat && now - s->at >= CERTWATCH_REPEAT_SEC);

	/* A clock that was set back must not make it silent for long. */
	if (due || now < s->at) {
		s->what = what;
		s->at = now;
	}
	return due && what != 0;
}

time_t
certwatch_ask_at(time_t now, enum revcheck_status status, time_t runs_out)
{
	time_t wait = CERTWATCH_ASK_SEC;

	if (status == REVCHECK_UNKNOWN)
		return now + CERTWATCH_RETRY_SEC;
	if (runs_out != 0 && (runs_out - now) / 2 < wait)
		wait = (runs_out - now) / 2;
	if (runs_out != 0 && runs_out <= now)
		wait = CERTWATCH_RETRY_SEC;
	return now + (wait > 0 ? wait : 1);
}
