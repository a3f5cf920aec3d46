/*
 * oom_store: every allocation of the store, SQLite's included, made to fail in
 * turn over the life of a state directory. Whatever fails: no crash, no leak
 * (the sanitizer build tells), and what was learned before stays known; a
 * database is not taken for a damaged one because memory ran out.
 */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "cache/store/store_disk.h"
#include "tests/oom/failing.h"

/* A life that needs more than this many allocations is not walked here. */
#define MAX_STEPS 20000

/* Of SQLite. */

static sqlite3_mem_methods real;

static void *
sql_malloc(int n)
{
	return failing_now() ? NULL : real.xMalloc(n);
}

static void *
sql_realloc(void *p, int n)
{
	return failing_now() ? NULL : real.xRealloc(p, n);
}

static int
sql_init(void)
{
	sqlite3_mem_methods mine;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real) != SQLITE_OK)
		return -1;
	mine = real;
	mine.xMalloc = sql_malloc;
	mine.xRealloc = sql_realloc;
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &mine) == SQLITE_OK ? 0
									: -1;
}

/* A life of a directory. */

static char dir[] = "/dev/shm/oom-store.XXXXXX";
static atomic_int num_aside;

static void
take_line(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	if (strstr(line, "aside") != NULL)
		atomic_fetch_add(&num_aside, 1);
}

static const struct log sink = {.level = LOG_LEVEL_INFO, .fn = take_line};

static struct store *
open_store(void)
{
	struct store_options o = {.dir = dir,
	    .max_bytes = 1 << 20,
	    .max_ocsp_bytes = 1000,
	    .log = &sink};
	struct store *s = NULL;
	struct err err = {0};

	if (store_new(&s, &o, &err) != 0 && err.msg[0] == '\0')
		return NULL;
	return s;
}

static struct evidence_key
key_of(unsigned char n)
{
	struct evidence_key k = {{n}};

	return k;
}

static void
fill(struct store *s, unsigned char n)
{
	struct store_floor f = {
	    .scope = {n}, .number = {n}, .number_len = 1, .seen_at = n};
	struct store_known k = {.identity = {n}, .reason = 1, .first_seen = n};
	struct store_meta m = {
	    .key = key_of(n), .kind = EVIDENCE_OCSP, .url = "http://x/"};
	struct evidence *e =
	    evidence_new_ocsp(span_of("answer", 6), ORIGIN_NETWORK, m.url, 1);

	s->floor_put(s, &f, false);
	s->known_put(s, &k);
	if (e != NULL)
		s->save(s, &m, e);
	evidence_free(e);
}

static bool
count(void *arg, const struct store_known *k)
{
	(void)k;
	++*(unsigned *)arg;
	return true;
}

static void
live(unsigned char n)
{
	struct evidence_key one = key_of(1), two = key_of(2);
	struct store *s = open_store();
	struct store_found *found = NULL;
	struct store_load *pending;
	struct store_floor f;
	struct err err;
	unsigned num = 0;

	if (s == NULL)
		return;
	(void)s->load(s, &one, &found, NULL, NULL, &pending);
	store_found_free(found);
	(void)s->known_each(s, count, &num, &err);
	(void)s->floor_get(s, one.id, &f);
	fill(s, n);
	s->touch(s, &one);
	s->forget(s, &two);
	s->free(s);
}

/* What the first life learned, and nothing that nobody said. */
static bool
is_well(void)
{
	struct evidence_key one = key_of(1);
	struct store *s = open_store();
	struct store_floor f;
	struct err err;
	unsigned num = 0;
	bool ok;

	if (s == NULL)
		return false;
	ok = s->known_each(s, count, &num, &err) == 0 && num >= 1 && num <= 2 &&
	    s->floor_get(s, one.id, &f) && f.number[0] == 1 &&
	    atomic_load(&num_aside) == 0;
	s->free(s);
	return ok;
}

static void
sweep(const char *path)
{
	char name[600];
	struct dirent *e;
	DIR *h = opendir(path);

	while (h != NULL && (e = readdir(h)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (remove(name) != 0)
			sweep(name);
	}
	if (h != NULL)
		closedir(h);
	(void)rmdir(path);
}

int
main(void)
{
	struct store *s;
	long steps = 0;
	int ok = 1;

	if (sql_init() != 0 || mkdtemp(dir) == NULL) {
		printf("1..0 # SKIP no /dev/shm\n");
		return 0;
	}
	s = open_store();
	if (s == NULL)
		return 1;
	fill(s, 1);
	s->free(s);
	for (; steps < MAX_STEPS && ok; steps++) {
		failing_begin(steps);
		live(2);
		if (!failing_end())
			break;
		ok = is_well();
	}
	printf("%s 1 - a state directory (%ld allocations)\n1..1\n",
	    ok && steps < MAX_STEPS ? "ok" : "not ok", steps);
	sweep(dir);
	return !ok;
}
