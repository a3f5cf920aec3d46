/*
 * fuzz_store: what lies on disk and may have been touched. The first byte
 * chooses: H what a bundle says of a piece, which is the same when it is
 * written and read again; B a bundle, of which nothing is signed by who is
 * trusted here: nothing is taken, and each refusal says why; D a database,
 * which is read to its end or refused.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "cache/store/store_db.h"
#include "revcheck/api/bundle_header.h"
#include "revcheck/revcheck.h"
#include "tests/fuzz/pki.h"

extern const char fuzz_seeds[];
const char fuzz_seeds[] = ".store";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_header(const uint8_t *data, size_t size)
{
	char text[BUNDLE_HEADER_MAX + 1], again[BUNDLE_HEADER_MAX];
	struct store_meta m, m2;
	size_t len, len2;

	if (size > BUNDLE_HEADER_MAX)
		size = BUNDLE_HEADER_MAX;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!bundle_header_read(text, &m, &len))
		return;
	assert(m.kind == EVIDENCE_CRL || m.kind == EVIDENCE_OCSP);
	assert(bundle_header_write(again, &m, len) < sizeof(again));
	assert(bundle_header_read(again, &m2, &len2));
	assert(len == len2 && m.kind == m2.kind);
	assert(m.fetched_at == m2.fetched_at);
	assert(memcmp(&m.key, &m2.key, sizeof(m.key)) == 0);
	assert(memcmp(m.owner, m2.owner, sizeof(m.owner)) == 0);
	assert(strcmp(m.url, m2.url) == 0);
	assert(strcmp(m.etag, m2.etag) == 0);
	assert(strcmp(m.last_modified, m2.last_modified) == 0);
}

/* Where nothing waits for a disk, if there is such a place. */
static char memory[] = "/dev/shm/fuzz-store-XXXXXX";
static char plain[] = "/tmp/fuzz-store-XXXXXX";
static const char *dir;

static void
dir_remove(void)
{
	static const char *const names[] = {"v2/evidence.db",
	    "v2/evidence.db-wal", "v2/evidence.db-shm", "v2/crl", "v2", ""};
	char path[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
}

static void
dir_make(void)
{
	if (dir != NULL)
		return;
	dir = mkdtemp(memory);
	if (dir == NULL)
		dir = mkdtemp(plain);
	assert(dir != NULL && atexit(dir_remove) == 0);
}

static int
on_refused(void *arg, const struct revcheck_cache_item *item)
{
	unsigned *num = arg;

	assert(item->error[0] != '\0');
	++*num;
	return 0;
}

static void
check_bundle(const uint8_t *data, size_t size)
{
	static struct revcheck_trust *trust;
	static struct revcheck_certs *certs;
	struct revcheck_error err = {0};
	unsigned num = 0;
	char path[32];
	X509 *ca = fuzz_ca();
	int fd = memfd_create("bundle", MFD_CLOEXEC);

	dir_make();
	if (trust == NULL) {
		assert(revcheck_certs_from_x509(&certs, &ca, 1, NULL) == 0);
		assert(revcheck_trust_new(&trust, &ca, 1, NULL) == 0);
	}
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Torn in the middle, or read to its end. */
	assert(revcheck_state_import(
		   dir, path, trust, certs, on_refused, &num, &err) <= 0);
	assert(num <= size / 64);
	close(fd);
}

static bool
see_record(void *arg, struct store_record *r)
{
	assert(r->error[0] != '\0' || r->der != NULL || r->fd >= 0);
	assert(r->der == NULL || r->len <= 1000);
	++*(unsigned *)arg;
	return *(unsigned *)arg < 1000;
}

static bool
see_known(void *arg, const struct store_known *k)
{
	assert(k->serial_len <= sizeof(k->serial));
	assert(memchr(k->url, 0, sizeof(k->url)) != NULL);
	++*(unsigned *)arg;
	return *(unsigned *)arg < 1000;
}

static bool
see_floor(void *arg, const struct store_floor *f)
{
	assert(f->number_len <= sizeof(f->number));
	++*(unsigned *)arg;
	return *(unsigned *)arg < 1000;
}

static void
check_database(const uint8_t *data, size_t size)
{
	unsigned records = 0, known = 0, floors = 0;
	struct store_db *db;
	char path[64];
	struct err err;
	int fd;

	dir_make();
	assert(store_db_prepare(dir, &err) == 0);
	snprintf(path, sizeof(path), "%s/v2/evidence.db", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	if (store_db_open(&db, dir, STORE_DB_LOOK, NULL, &err) == 0) {
		(void)!store_db_each(db, 1000, see_record, &records, &err);
		(void)!store_db_known_each(db, see_known, &known, &err);
		(void)!store_db_floor_each(db, see_floor, &floors, &err);
		(void)!store_db_forget(db, NULL, &err);
		(void)!store_db_clean(db, &err);
		store_db_close(db);
	}
	dir_remove();
	(void)mkdir(dir, 0700);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'H')
		check_header(data + 1, size - 1);
	if (size > 0 && data[0] == 'B')
		check_bundle(data + 1, size - 1);
	if (size > 0 && data[0] == 'D')
		check_database(data + 1, size - 1);
	return 0;
}
