/*
 * section_files: configuration pushed through the file system: a file, or a
 * directory of *.json files, each holding {"section": …, "config": …} as PUT
 * takes it
 * ("version" and "schemaVersion" may be left out). Written in place or moved
 * into place, a file is read when it is complete.
 */
#ifndef GATEWAY_CONTROL_SECTION_FILES_H
#define GATEWAY_CONTROL_SECTION_FILES_H

#include "cache/base/error.h"

struct control;
struct section_files;
struct section_store;
struct services;

/*
 * Reads what is there, then waits for more. path must exist. sections is what
 * control changes.
 */
int
section_files_new(struct section_files **out, const struct services *services,
    struct control *control, const struct section_store *sections,
    const char *path, struct err *err) MUST_USE;
/* Reads everything again (SIGHUP). */
void section_files_scan(struct section_files *w);
void section_files_free(struct section_files *w);

#endif
