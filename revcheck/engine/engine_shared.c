/*
 * engine_shared: see the header. What the embedder gives is a stranger's as far
 * as its form goes: texts end where their arrays do, numbers are hexadecimal or
 * none.
 */
#include "revcheck/engine/engine_shared.h"

#include <stdlib.h>
#include <string.h>

#include "cache/base/text.h"
#include "revcheck/engine/forks.h"
#include "revcheck/engine/policy.h"
#include "revcheck/x509/certs.h"

/* Owned by the archive's tier. */
struct engine_shared {
	struct revcheck *rc;
	struct revcheck_shared fn;
};

/* Pointers. */

static void
number_write(char out[2 * STORE_SERIAL_MAX + 1], const uint8_t *p, size_t len)
{
	text_hex_upper(out, p, len);
	if (out[0] == '0')
		memmove(out, out + 1, strlen(out));
}

static bool
shared_newest(
    void *arg, const struct evidence_key *source, struct archive_pointer *out)
{
	struct engine_shared *s = arg;
	struct revcheck_pointer p = {.size = sizeof(p)};

	if (s->fn.newest(s->fn.arg, source->id, &p) != 1)
		return false;
	p.number[sizeof(p.number) - 1] = '\0';
	p.url[sizeof(p.url) - 1] = '\0';
	p.etag[sizeof(p.etag) - 1] = '\0';
	p.last_modified[sizeof(p.last_modified) - 1] = '\0';
	memcpy(out->sha256, p.sha256, sizeof(out->sha256));
	out->len = p.len;
	out->number_len = known_revoked_number(out->number, p.number);
	out->this_update = p.this_update;
	out->next_update = p.next_update;
	out->checked = p.checked;
	text_copy(out->url, sizeof(out->url), p.url);
	text_copy(out->etag, sizeof(out->etag), p.etag);
	text_copy(
	    out->last_modified, sizeof(out->last_modified), p.last_modified);
	return true;
}

static void
shared_published(void *arg, const struct evidence_key *source,
    const struct archive_pointer *from, bool changed)
{
	struct engine_shared *s = arg;
	struct revcheck_pointer p = {.size = sizeof(p),
	    .len = from->len,
	    .this_update = from->this_update,
	    .next_update = from->next_update,
	    .checked = from->checked};

	memcpy(p.sha256, from->sha256, sizeof(p.sha256));
	number_write(p.number, from->number, from->number_len);
	text_copy(p.url, sizeof(p.url), from->url);
	text_copy(p.etag, sizeof(p.etag), from->etag);
	text_copy(
	    p.last_modified, sizeof(p.last_modified), from->last_modified);
	s->fn.published(s->fn.arg, source->id, &p, changed);
}

/* Claims. */

static void
shared_claim(void *arg, const struct evidence_key *source, uint64_t ticket)
{
	struct engine_shared *s = arg;

	s->fn.claim(s->fn.arg, source->id, ticket);
}

static void
shared_released(void *arg, const struct evidence_key *source,
    const char *failed, time_t until)
{
	struct engine_shared *s = arg;

	s->fn.released(s->fn.arg, source->id, failed, until);
}

void
revcheck_shared_claimed(struct revcheck *rc, const unsigned char source[32],
    uint64_t ticket, enum revcheck_claim answer, time_t until)
{
	struct evidence_key key;

	memcpy(key.id, source, sizeof(key.id));
	archive_shared_claimed(
	    rc->archive, &key, ticket, (enum archive_claim)answer, until);
}

void
revcheck_shared_told(struct revcheck *rc, const unsigned char source[32])
{
	struct evidence_key key;

	memcpy(key.id, source, sizeof(key.id));
	archive_shared_told(rc->archive, &key);
}

void
revcheck_shared_spread(struct revcheck *rc, uint32_t spread_ms)
{
	archive_shared_spread(rc->archive, spread_ms);
}

/* Beginning and end. */

static void
shared_gone(void *arg)
{
	free(arg);
}

static struct archive_shared
shared_of(const struct revcheck_shared *fn, struct engine_shared *arg)
{
	return (struct archive_shared){.arg = arg,
	    .newest = shared_newest,
	    .claim = shared_claim,
	    .published = shared_published,
	    .released = shared_released,
	    .gone = shared_gone,
	    .claim_wait_ms = fn->claim_wait_ms,
	    .spread_ms = fn->spread_ms,
	    .store = {.url = fn->store_url,
		.ca_file = fn->store_ca_file,
		.credentials = fn->store_credentials,
		.header = fn->store_header,
		.region = fn->store_region,
		.max_bytes = fn->store_max_bytes,
		.timeout_ms = fn->store_timeout_ms}};
}

/* Fields that the caller's header does not have are zero. */
static int
take_shared(struct revcheck_shared *out, const struct revcheck_shared *given,
    struct err *err)
{
	*out = (struct revcheck_shared){0};
	memcpy(out, given,
	    given->size != 0 && given->size < sizeof(*out) ? given->size
							   : sizeof(*out));
	if (out->newest == NULL || out->claim == NULL ||
	    out->published == NULL || out->released == NULL ||
	    out->revoked == NULL)
		return err_set(err, E_ARG,
		    "shared has not all of its functions: expected newest, "
		    "claim, published, released and revoked");
	return 0;
}

int
engine_check_shared(const struct revcheck_shared *shared, struct err *err)
{
	struct revcheck_shared fn;
	struct archive_shared a;
	int rc = take_shared(&fn, shared, err);

	if (rc != 0)
		return rc;
	a = shared_of(&fn, NULL);
	return archive_check_shared(&a, err);
}

/* From now on there is a place for what others say. */
static int
told_begin(struct revcheck *rc, struct err *err)
{
	struct known_revoked *none = NULL, *told;

	if (atomic_load(&rc->told) != NULL)
		return 0;
	told = known_revoked_new();
	if (told == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	if (!atomic_compare_exchange_strong(&rc->told, &none, told))
		known_revoked_free(told);
	else
		/* Answers from before do not name what is told. */
		engine_changed(rc);
	return 0;
}

int
engine_share(
    struct revcheck *rc, const struct revcheck_shared *shared, struct err *err)
{
	struct engine_shared *s;
	struct archive_shared a;
	int code;

	if (shared == NULL)
		return archive_set_shared(rc->archive, NULL, err);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	s->rc = rc;
	code = take_shared(&s->fn, shared, err);
	if (code == 0)
		code = told_begin(rc, err);
	a = shared_of(&s->fn, s);
	if (code == 0)
		code = archive_set_shared(rc->archive, &a, err);
	if (code != 0)
		free(s);
	return code;
}

int
revcheck_set_shared(struct revcheck *rc, const struct revcheck_shared *shared,
    struct revcheck_error *err)
{
	struct err e = {0};
	int code;

	/* It would wait for a thread that a child has not. */
	if (rc->forks != forks_count())
		code =
		    err_set(&e, E_CLOSED, "the engine was made before fork()");
	else
		code = engine_share(rc, shared, &e);
	return code == 0 ? 0 : error_publish(err, &e, code);
}

/* Revocations by word. */

struct telling {
	struct revcheck *rc;
	struct revcheck_told told;
};

static void
tell(void *arg)
{
	struct telling *t = arg;
	struct engine_shared *s = archive_get0_shared(t->rc->archive);

	if (s != NULL)
		s->fn.revoked(s->fn.arg, &t->told);
	free(t);
}

void
engine_tell_revoked(struct revcheck *rc, const struct revcheck_told *told)
{
	struct telling *t;

	/* Nobody was ever there to be told. */
	if (atomic_load(&rc->told) == NULL)
		return;
	t = malloc(sizeof(*t));
	if (t != NULL) {
		t->rc = rc;
		t->told = *told;
	}
	if (t == NULL || archive_post(rc->archive, tell, t) != 0) {
		log_line(&rc->log, LOG_LEVEL_WARN,
		    "a revocation is not told to the others: out of memory");
		free(t);
	}
}

void
engine_told_forget(struct revcheck *rc, const uint8_t word[32])
{
	struct known_revoked *told = atomic_load(&rc->told);

	if (told != NULL)
		(void)known_revoked_forget(told, word);
}

static void
known_of(struct known_revocation *k, const struct revcheck_told *t, time_t now)
{
	time_t latest = now + POLICY_SKEW_SEC;
	struct span parts[2];
	struct evidence_key word;

	*k = (struct known_revocation){.reason = t->reason,
	    .revoked_at = t->revoked_at,
	    .first_seen = now,
	    /* Evidence of our own from later than now is newer then. */
	    .this_update = t->this_update < latest ? t->this_update : latest,
	    .serial_len = t->serial_len};
	memcpy(k->owner, t->issuer_key, sizeof(k->owner));
	memcpy(k->serial, t->serial, t->serial_len);
	k->number_len = known_revoked_number(k->number, t->number);
	text_copy(k->url, sizeof(k->url), t->url);
	text_copy(k->issuer, sizeof(k->issuer), t->issuer);
	text_copy(k->by, sizeof(k->by), t->by[0] != '\0' ? t->by : "a fellow");
	parts[0] = span_of(k->owner, sizeof(k->owner));
	parts[1] = span_of(k->serial, k->serial_len);
	word = evidence_key_of(parts, 2);
	memcpy(k->identity, word.id, sizeof(k->identity));
}

/* Results are printable; this comes from another machine. */
static void
end_text(char *s, size_t room)
{
	s[room - 1] = '\0';
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			*s = '?';
}

static int
take_told(struct revcheck_told *out, const struct revcheck_told *given,
    struct err *err)
{
	*out = (struct revcheck_told){0};
	memcpy(out, given,
	    given->size != 0 && given->size < sizeof(*out) ? given->size
							   : sizeof(*out));
	end_text(out->number, sizeof(out->number));
	end_text(out->url, sizeof(out->url));
	end_text(out->issuer, sizeof(out->issuer));
	end_text(out->by, sizeof(out->by));
	if (out->serial_len == 0 || out->serial_len > sizeof(out->serial) ||
	    out->serial[0] == 0)
		return err_set(err, E_ARG,
		    "what was told has no serial: expected 1 to %zu octets "
		    "without leading zeros",
		    sizeof(out->serial));
	if (out->this_update <= 0)
		return err_set(err, E_ARG,
		    "what was told has no date: expected that of the evidence");
	return 0;
}

/* Whether proof may be there that is not here: what is held is older. */
static bool
is_behind(
    struct revcheck *rc, const struct evidence_key *source, time_t this_update)
{
	struct documents *held = archive_peek1(rc->archive, source);
	bool behind = true;

	for (size_t i = 0; held != NULL && i < held->num; i++)
		behind = behind && held->v[i]->this_update < this_update;
	documents_free(held);
	return behind;
}

int
revcheck_told_revoked(struct revcheck *rc, const struct revcheck_told *told,
    struct revcheck_error *err)
{
	static const unsigned char none[32];
	struct known_revocation k;
	struct revcheck_told t;
	struct evidence_key source;
	struct err e = {0};
	int code = take_told(&t, told, &e);

	if (code == 0)
		code = told_begin(rc, &e);
	if (code != 0)
		return error_publish(err, &e, code);
	known_of(&k, &t, wall_clock_now(&rc->clock));
	if (!known_revoked_put_newer(atomic_load(&rc->told), &k))
		return 0;
	engine_changed_of(rc, k.identity);
	memcpy(source.id, t.source, sizeof(source.id));
	/* Proof instead of a word. Where nothing is asked, it stays a word. */
	if (memcmp(t.source, none, sizeof(none)) != 0 &&
	    is_behind(rc, &source, k.this_update) &&
	    archive_refresh(rc->archive, &source) < 0)
		log_line(&rc->log, LOG_LEVEL_WARN,
		    "a told revocation is not looked into: shutting down");
	return 1;
}
