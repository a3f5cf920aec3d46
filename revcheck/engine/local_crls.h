/*
 * local_crls: CRL files and directories of the operator as sources: read when
 * the engine starts and again whenever they change. What a file taught stays
 * when it is replaced, cannot be read or goes away: of each scope the newest
 * CRL that was proven, and the last ones that nobody has proven yet, so that
 * neither an older nor a forged CRL takes the place of a newer one. Only who
 * says forget makes it forget.
 */
#ifndef REVCHECK_ENGINE_LOCAL_CRLS_H
#define REVCHECK_ENGINE_LOCAL_CRLS_H

#include "revcheck/engine/engine_state.h"

struct local_crls;

/*
 * Reads everything once before it returns, and watches from then on. paths is
 * NULL-terminated. look_ms: how often files are looked at besides, 0: as
 * crl_files.h has it. E_IO naming a path that does not exist and cannot appear.
 * Files that are not CRLs are logged and skipped. Any thread.
 */
int local_crls_new(struct local_crls **out, struct revcheck *rc,
    const char *const *paths, uint32_t look_ms, const struct crl_limits *limits,
    struct err *err) MUST_USE;
/* Before the archive goes: its thread is told of changes. */
void local_crls_free(struct local_crls *l);

/* Any thread, and l may be NULL: */

/* A file, and what of it is held; lent for the call. */
struct local_source {
	const char *path;
	struct evidence_key key; /* of the scope that ends the soonest */
	size_t num, bytes;
	time_t this_update, ends_at; /* of that scope; 0: there is none */
	time_t read_at;
	char error[256]; /* empty: nothing is wrong with it */
};
/* Looks at dates alone: there may be thousands. */
void local_crls_sources(struct local_crls *l,
    bool (*fn)(void *arg, const struct local_source *s), void *arg);
/* A row for each scope in each file, and for each file that has a fault. */
void local_crls_list(struct local_crls *l,
    bool (*fn)(void *arg, const struct revcheck_cache_item *item), void *arg);
/* What a row holds: a reference, or NULL. */
struct documents *
local_crls_peek1(struct local_crls *l, const struct evidence_key *key) MUST_USE;
/* Reads files again, soon. */
void local_crls_again(struct local_crls *l);
/* What this source (or row) holds now is all that it ever said. */
void local_crls_forget(struct local_crls *l, const struct evidence_key *key);

#endif
