/*
 * archive_known: known revocations on their way to the store, whose calls are
 * made on the service thread.
 */
#include <stdlib.h>
#include <string.h>

#include "cache/engine/archive_internal.h"

enum known_what {
	KNOWN_PUT,
	KNOWN_FORGET,
	KNOWN_FORGET_SERIAL
};

struct known_change {
	struct archive *archive;
	enum known_what what;
	struct store_known k;
};

int
archive_known_each(
    struct archive *a, store_known_fn *fn, void *arg, struct err *err)
{
	if (a->disk == NULL)
		return 0;
	return a->disk->known_each(a->disk, fn, arg, err);
}

static void
change_arrived(void *arg)
{
	struct known_change *c = arg;
	struct store *disk = c->archive->disk;

	switch (c->what) {
	case KNOWN_PUT:
		disk->known_put(disk, &c->k);
		break;
	case KNOWN_FORGET:
		disk->known_forget(disk, c->k.identity);
		break;
	case KNOWN_FORGET_SERIAL:
		disk->known_forget_serial(
		    disk, c->k.owner, c->k.serial, c->k.serial_len);
		break;
	}
	free(c);
}

static int
change_post(
    struct archive *a, enum known_what what, const struct store_known *k)
{
	struct known_change *c;
	int rc;

	if (a->disk == NULL)
		return 0;
	c = malloc(sizeof(*c));
	if (c == NULL)
		return E_NOMEM;
	*c = (struct known_change){.archive = a, .what = what, .k = *k};
	rc = archive_post(a, change_arrived, c);
	if (rc != 0)
		free(c);
	return rc;
}

int
archive_known_put(struct archive *a, const struct store_known *k)
{
	return change_post(a, KNOWN_PUT, k);
}

int
archive_known_forget(struct archive *a, const uint8_t identity[32])
{
	struct store_known k = {.reason = -1};

	memcpy(k.identity, identity, sizeof(k.identity));
	return change_post(a, KNOWN_FORGET, &k);
}

int
archive_known_forget_serial(
    struct archive *a, const uint8_t owner[32], struct span serial)
{
	struct store_known k = {.reason = -1};

	if (serial.len > sizeof(k.serial))
		return 0;
	memcpy(k.owner, owner, sizeof(k.owner));
	memcpy(k.serial, serial.p, serial.len);
	k.serial_len = serial.len;
	return change_post(a, KNOWN_FORGET_SERIAL, &k);
}
