/*
 * allowed_subjects: client certificate subjects that are let in, as set over
 * REST. From the first one on only those listed are let in, also when all have
 * been removed again. Kept in the state directory. Control thread.
 */
#ifndef GATEWAY_STATE_ALLOWED_SUBJECTS_H
#define GATEWAY_STATE_ALLOWED_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "cache/base/log.h"
#include "gateway/base/name_set.h"

#define ALLOWED_SUBJECTS_MAX      100000
#define ALLOWED_SUBJECTS_MAX_TEXT 1024

struct allowed_subjects;

int allowed_subjects_open(struct allowed_subjects **out, const char *dir,
    const struct log *log, struct err *err) MUST_USE;
void allowed_subjects_close(struct allowed_subjects *s);

/*
 * Adds or removes a subject of a holding identity (12 hexadecimal digits);
 * written when it returns. The text is a DN as RFC 2253 has it; order and
 * spacing are made uniform. Removing what is not there is fine. E_PARSE when
 * the text is not a name.
 */
int allowed_subjects_set(struct allowed_subjects *s, const char *holder,
    const char *subject, bool allowed, struct err *err) MUST_USE;
/* Takes the last change back. */
int allowed_subjects_undo(struct allowed_subjects *s, struct err *err) MUST_USE;

/* Whether a list was ever begun, and the names of all (lent; NULL: none). */
bool allowed_subjects_enforced(const struct allowed_subjects *s);
struct name_set *allowed_subjects_names(const struct allowed_subjects *s);

/* Array of the subjects of one holding identity. */
cJSON *
allowed_subjects_json(const struct allowed_subjects *s, const char *holder);

#endif
