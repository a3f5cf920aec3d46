/*
 * archive_known: known revocations on their way to the store, whose calls are
 * made on the service thread.
 */
#include <stdlib.h>
#include <string.h>

#include "cache/engine/archive_internal.h"

struct known_change {
	struct archive *archive;
	bool forget;
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

	if (c->forget)
		disk->known_forget(disk, c->k.identity);
	else
		disk->known_put(disk, &c->k);
	free(c);
}

static int
change_post(struct archive *a, bool forget, const struct store_known *k)
{
	struct known_change *c;
	int rc;

	if (a->disk == NULL)
		return 0;
	c = malloc(sizeof(*c));
	if (c == NULL)
		return E_NOMEM;
	*c = (struct known_change){.archive = a, .forget = forget, .k = *k};
	rc = archive_post(a, change_arrived, c);
	if (rc != 0)
		free(c);
	return rc;
}

int
archive_known_put(struct archive *a, const struct store_known *k)
{
	return change_post(a, false, k);
}

int
archive_known_forget(struct archive *a, const uint8_t identity[32])
{
	struct store_known k = {.reason = -1};

	memcpy(k.identity, identity, sizeof(k.identity));
	return change_post(a, true, &k);
}
