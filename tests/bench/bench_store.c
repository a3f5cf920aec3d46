/*
 * bench_store: OCSP answers on disk: how many bytes they take, how long they
 * take to be written in the batches of the store's thread, and to be read.
 * Prints; judges nothing.
 *
 *	bench_store [answers]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "cache/store/store_db.h"
#include "cache/store/store_file.h"

#define ANSWER_BYTES 1500
#define BATCH        256

static struct store_meta
meta_of(unsigned n)
{
	struct store_meta m = {.kind = EVIDENCE_OCSP,
	    .owner = {1},
	    .fetched_at = 1,
	    .url = "http://ocsp.example.com/"};
	struct span part = span_of(&n, sizeof(n));

	m.key = evidence_key_of(&part, 1);
	return m;
}

static int
write_all(struct store_db *db, unsigned num, struct err *err)
{
	static uint8_t der[ANSWER_BYTES];
	struct span answer = span_of(der, sizeof(der));
	uint8_t sha256[32];
	int rc = 0;

	for (unsigned n = 0; n < num && rc == 0; n++) {
		struct store_meta m = meta_of(n);

		if (n % BATCH == 0)
			rc = store_db_begin(db, err);
		memcpy(der, &n, sizeof(n));
		store_db_digest(sha256, answer);
		if (rc == 0)
			rc = store_db_save(db, &m, sha256, answer, err);
		if (n % BATCH == BATCH - 1 || n == num - 1)
			rc = store_db_end(db, rc, err);
	}
	return rc;
}

static int
read_some(struct store_db *db, unsigned num, struct err *err)
{
	struct store_found *f;
	int rc = 0;

	for (unsigned n = 0; n < num && rc == 0; n += 10) {
		struct store_meta m = meta_of(n);

		rc = store_db_load(db, &m.key, ANSWER_BYTES, &f, err);
		if (rc == 0 && f == NULL)
			rc = err_set(err, E_INTERNAL, "answer %u is lost", n);
		store_found_free(f);
	}
	return rc;
}

static int
measure(const char *dir, unsigned num, struct err *err)
{
	uint64_t begun = clock_mono_us(), written, read;
	char path[STORE_PATH_MAX];
	struct store_db *db;
	struct stat st;
	int rc = store_db_prepare(dir, err);

	if (rc == 0)
		rc = store_db_open(&db, dir, STORE_DB_MAKE, NULL, err);
	if (rc != 0)
		return rc;
	rc = write_all(db, num, err);
	written = clock_mono_us();
	if (rc == 0)
		rc = read_some(db, num, err);
	read = clock_mono_us();
	store_db_close(db);
	snprintf(path, sizeof(path), "%s/v2/evidence.db", dir);
	if (rc != 0 || stat(path, &st) != 0)
		return rc;
	printf("store: %u answers of %d bytes: %.0f bytes on disk each, "
	       "%.0f us to write in batches of %d, %.0f us to read\n",
	    num, ANSWER_BYTES, (double)st.st_size / num,
	    (double)(written - begun) / num, BATCH,
	    (double)(read - written) * 10 / num);
	return 0;
}

int
main(int argc, char **argv)
{
	static const char *const files[] = {
	    "v2/evidence.db", "v2/crl", "v2", ""};
	char dir[] = "/tmp/bench_store.XXXXXX", path[64];
	unsigned num = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000;
	struct err err = {0};
	int rc;

	if (num == 0 || mkdtemp(dir) == NULL)
		return 1;
	rc = measure(dir, num, &err);
	if (rc != 0)
		fprintf(stderr, "bench_store: %s\n", err.msg);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)remove(path);
	}
	return rc != 0;
}
