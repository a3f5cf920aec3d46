/*
 * fleet_files: what this machine knows of its fleet in a sealed file, and from
 * one: commands, without the engine. Main thread.
 */
#ifndef GATEWAY_CONTROL_FLEET_FILES_H
#define GATEWAY_CONTROL_FLEET_FILES_H

#include "cache/base/error.h"
#include "gateway/conf/conf.h"
#include "gateway/control/control.h"

/* Also while a gateway runs with that state_dir. *num: records. */
int fleet_files_export(const struct conf *conf, const char *path, size_t *num,
    struct err *err) MUST_USE;

/*
 * Puts what the file says in force and keeps it, all or nothing, as if it had
 * come from the engine. E_ARG: this machine has state of a fleet already.
 */
int fleet_files_import(struct control *control, struct stores *stores,
    const struct services *services, struct conf *conf, const char *path,
    size_t *num, struct err *err) MUST_USE;

#endif
