/*
 * allowed_subjects: client certificate subjects that are let in, as set over
 * REST. From the first change on only those listed are let in, also when all
 * have been removed again. The list is in the database, the set of its names in
 * memory. Control thread; the set may be read by any.
 */
#ifndef GATEWAY_STATE_ALLOWED_SUBJECTS_H
#define GATEWAY_STATE_ALLOWED_SUBJECTS_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "gateway/base/dn.h"
#include "gateway/base/name_set.h"
#include "gateway/state/state_db.h"

#define ALLOWED_SUBJECTS_MAX    100000
#define ALLOWED_SUBJECTS_HOLDER 13 /* 12 digits, upper case */

struct allowed_subjects;

/*
 * A row that cannot be read is E_PARSE naming table and key. db is borrowed
 * and must outlive it.
 */
int allowed_subjects_open(struct allowed_subjects **out, struct state_db *db,
    struct err *err) MUST_USE;
void allowed_subjects_close(struct allowed_subjects *s);

/*
 * Within a transaction: adds or removes a subject of a holding identity (12
 * hexadecimal digits of either case). The text is a DN as RFC 2253 has it;
 * order and spacing are made uniform. Removing what is not there is fine.
 * E_PARSE when the text is not a name that a certificate can be compared with,
 * E_LIMIT when the list is full.
 */
int allowed_subjects_set(struct allowed_subjects *s, const char *holder,
    const char *subject, bool allowed, struct err *err) MUST_USE;

/*
 * As it is kept: the DN in one form, the holding identity in upper case. Names
 * that differ in case alone are one. E_PARSE as allowed_subjects_set.
 */
int
allowed_subjects_normal(char name[DN_MAX], char holder[ALLOWED_SUBJECTS_HOLDER],
    const char *subject, const char *holder_text, struct err *err) MUST_USE;

/* Each, in any order. Ends at anything but 0. */
typedef int allowed_subjects_fn(
    void *arg, const char *holder, const char *name, struct err *err);
int allowed_subjects_each(const struct allowed_subjects *s,
    allowed_subjects_fn *fn, void *arg, struct err *err) MUST_USE;

/* Whether a list was ever begun, and the names of all (lent; NULL: none). */
bool allowed_subjects_enforced(const struct allowed_subjects *s);
struct name_set *allowed_subjects_names(const struct allowed_subjects *s);

/* Array of the subjects of one holding identity; NULL when it fails. */
cJSON *
allowed_subjects_json(const struct allowed_subjects *s, const char *holder);

#endif
