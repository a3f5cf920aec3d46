/*
 * subjects: client certificate subjects that are let in, as set over REST.
 * From the first one on only those listed are let in, also when all have been
 * removed again. Kept in the state directory. Control thread.
 */
#ifndef GATEWAY_STATE_SUBJECTS_H
#define GATEWAY_STATE_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "cache/base/error.h"
#include "cache/base/log.h"

#define SUBJECTS_MAX      100000
#define SUBJECTS_MAX_TEXT 1024

struct subjects;

int subjects_open(struct subjects **out, const char *dir, const struct log *log,
    struct err *err) MUST_USE;
void subjects_close(struct subjects *s);

/*
 * Adds or removes a subject of a holding identity (12 hexadecimal digits);
 * written when it returns. The text is a DN as RFC 2253 has it; order and
 * spacing are made uniform. Removing what is not there is fine. E_PARSE when
 * the text is not a name.
 */
int subjects_set(struct subjects *s, const char *holder, const char *subject,
    bool allowed, struct err *err) MUST_USE;
/* Takes the last change back. */
int subjects_undo(struct subjects *s, struct err *err) MUST_USE;

/* Whether a list was ever begun, and its entries (lent). */
bool subjects_enforced(const struct subjects *s);
const char *const *subjects_list(const struct subjects *s, size_t *num);

/* Array of the subjects of one holding identity. */
cJSON *subjects_json(const struct subjects *s, const char *holder);

#endif
