/*
 * engine_known: certificates that were found revoked, in memory and, where
 * there is a state directory, on disk. Any thread.
 */
#include <string.h>

#include "cache/base/text.h"
#include "revcheck/engine/engine_state.h"

static void
to_store(struct store_known *to, const struct known_revocation *k)
{
	*to = (struct store_known){.reason = k->reason,
	    .revoked_at = k->revoked_at,
	    .this_update = k->this_update,
	    .first_seen = k->first_seen,
	    .serial_len = k->serial_len};
	memcpy(to->identity, k->identity, sizeof(to->identity));
	memcpy(to->owner, k->owner, sizeof(to->owner));
	memcpy(to->serial, k->serial, k->serial_len);
	text_copy(to->url, sizeof(to->url), k->url);
	text_copy(to->issuer, sizeof(to->issuer), k->issuer);
}

bool
engine_know_revoked(struct revcheck *rc, const struct known_revocation *k)
{
	struct store_known s;

	if (!known_revoked_put(rc->known, k))
		return false;
	engine_changed_of(rc, k->identity);
	to_store(&s, k);
	if (archive_known_put(rc->archive, &s) == E_NOMEM)
		log_line(&rc->log, LOG_LEVEL_WARN,
		    "a revocation is not stored: out of memory");
	return true;
}

void
engine_forget_revoked(struct revcheck *rc, const uint8_t identity[32])
{
	if (known_revoked_forget(rc->known, identity) &&
	    archive_known_forget(rc->archive, identity) == E_NOMEM)
		log_line(&rc->log, LOG_LEVEL_WARN,
		    "a revocation that ended stays stored: out of memory");
}

size_t
engine_forget_serial(
    struct revcheck *rc, const uint8_t owner[32], struct span serial)
{
	size_t num =
	    known_revoked_forget_serial(rc->known, owner, serial.p, serial.len);
	struct known_revoked *told = atomic_load(&rc->told);

	if (told != NULL)
		num += known_revoked_forget_serial(
		    told, owner, serial.p, serial.len);
	if (archive_known_forget_serial(rc->archive, owner, serial) == E_NOMEM)
		log_line(&rc->log, LOG_LEVEL_WARN,
		    "a revocation that was forgotten stays stored: out of "
		    "memory");
	if (num > 0)
		engine_changed(rc);
	return num;
}

static bool
known_found(void *arg, const struct store_known *s)
{
	struct revcheck *rc = arg;
	struct known_revocation k = {.reason = s->reason,
	    .revoked_at = s->revoked_at,
	    .this_update = s->this_update,
	    .first_seen = s->first_seen,
	    .serial_len = s->serial_len};

	memcpy(k.identity, s->identity, sizeof(k.identity));
	memcpy(k.owner, s->owner, sizeof(k.owner));
	memcpy(k.serial, s->serial, sizeof(k.serial));
	text_copy(k.url, sizeof(k.url), s->url);
	text_copy(k.issuer, sizeof(k.issuer), s->issuer);
	(void)known_revoked_put(rc->known, &k);
	return true;
}

int
engine_load_known(struct revcheck *rc, struct err *err)
{
	return archive_known_each(rc->archive, known_found, rc, err);
}
