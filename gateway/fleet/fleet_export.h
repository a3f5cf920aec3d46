/*
 * fleet_export: the records of a fleet in one file, sealed as in the engine: a
 * backup, and the start of a machine while the engine is down. Private to who
 * has the secret; a file that was cut, changed, or is of another secret is
 * refused as a whole, before anything of it is used.
 *
 *   "p2p-gateway fleet 1\n"
 *   per record: length of the key (2), of the value (4), key, value
 *   first the record "fleet", last "head" with the number of records
 *
 * Numbers are big-endian.
 */
#ifndef GATEWAY_FLEET_FLEET_EXPORT_H
#define GATEWAY_FLEET_FLEET_EXPORT_H

#include <stddef.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "gateway/fleet/fleet.h"

#define FLEET_EXPORT_MAX (256u << 20) /* octets of a file */

/*
 * Writes what each() says is held to path, which is there as a whole or not at
 * all: mode 0600, fsync, rename. facts->id must not be "". *num is how many
 * records there were. What waits in the outbox is none of them.
 */
int fleet_export_file(const char *path, const char *secret_file,
    const struct fleet_facts *facts,
    int (*each)(void *arg, const char *key, fleet_held_fn *fn, void *fnarg,
	struct err *err),
    void *arg, size_t *num, struct err *err) MUST_USE;

/*
 * Reads the whole, then calls begin (facts->tally is "" where the file has
 * none) once and take for each record of an ordered
 * kind, in the order of the file. All lent for the call; anything but 0 ends
 * it. E_IO, E_PARSE, E_LIMIT before the first call: nothing was used.
 */
struct fleet_import_calls {
	int (*begin)(
	    void *arg, const struct fleet_facts *facts, struct err *err);
	fleet_held_fn *take;
	void *arg;
};
int fleet_import_file(const char *path, const char *secret_file,
    const char *previous_secret_file, const struct fleet_import_calls *calls,
    size_t *num, struct err *err) MUST_USE;

#endif
