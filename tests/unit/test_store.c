/*
 * store: what the archive knows survives restarts and crashes; what is found
 * on disk is never believed.
 */
#include "tests/unit/archive_help.h"

#include <ftw.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/store_help.h"

static void
store_init(struct world *w)
{
	world_init(w, NULL);
	w->options.state_dir = "state";
	w->options.retry_first_ms = 1;
	w->options.retry_max_ms = 1;
	(void)!system("rm -rf state");
}

/* The path of the only file of a CRL. */
static char found_path[512];

static int
file_found(const char *path, const struct stat *st, int type, struct FTW *at)
{
	if (type == FTW_F)
		snprintf(found_path, sizeof(found_path), "%s", path);
	return 0;
}

static void
only_file(char path[512])
{
	found_path[0] = '\0';
	assert_int_equal(nftw("state/v2/crl", file_found, 8, FTW_PHYS), 0);
	assert_true(found_path[0] != '\0');
	memcpy(path, found_path, sizeof(found_path));
}

static void
http_off(struct world *w, bool off)
{
	control(&w->http, off ? "/_listen/off" : "/_listen/on", NULL);
}

static void
test_answers_after_a_restart_without_network(void **state)
{
	struct evidence_key k = key_named("a");
	struct asking q = {0};
	struct documents *d;
	struct world w;
	char url[128];
	const char *urls[] = {url};
	struct stat st;
	char path[512];

	store_init(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	control(&w.http, "/_script", "/o* text=ok");
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/o", w.http.port);
	q.order.kind = EVIDENCE_OCSP;
	q.order.request = span_of("x", 1);
	asking_start(&q, &w, "o", urls, 1);
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	/* Closing writes what is still to be written. */
	world_close(&w);
	only_file(path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat("state", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);

	http_off(&w, true);
	atomic_store(&w.num_accepted, 0);
	world_open(&w);
	assert_int_equal(held_number(&w, "a"), -1);
	ask_ok(&w, "a", "/a.crl", false);
	d = archive_get1(w.archive, &k);
	assert_int_equal(d->v[0]->origin, ORIGIN_DISK);
	assert_int_equal(d->v[0]->fetched_at, YEAR2026 + 3600);
	assert_non_null(strstr(d->v[0]->url, "/a.crl"));
	documents_free(d);
	q = (struct asking){0};
	q.order.kind = EVIDENCE_OCSP;
	asking_start(&q, &w, "o", urls, 1);
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	/* Accepted again, not believed. */
	assert_int_equal(atomic_load(&w.num_accepted), 2);
	assert_int_equal(stats(&w).disk_hits, 2);
	assert_int_equal(stats(&w).fetches, 0);
	world_cleanup(&w);
}

/* The validators come back, too: after a restart a 304 is enough. */
static void
test_not_modified_after_a_restart(void **state)
{
	struct world w;

	store_init(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	world_close(&w);
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	atomic_fetch_add(&w.now, 10);
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(stats(&w).fetches_304, 1);
	world_cleanup(&w);
}

/* Stale on disk: tried anew, but remembered when the network has nothing. */
static void
test_stale_evidence_survives_a_restart(void **state)
{
	struct world w;

	store_init(&w);
	world_crl(&w, "a.crl",
	    &(struct crlmake){.number = 5, .next_update = "260102000000Z"});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	world_close(&w);
	atomic_fetch_add(&w.now, 30 * DAY);
	http_off(&w, true);
	world_open(&w);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
	assert_int_equal(held_number(&w, "a"), 5);
	/*
	 * Out of date as it is, a lower number that is in date takes its place
	 * (a CA restored from a backup begins again), and that is said once.
	 */
	http_off(&w, false);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 3});
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(held_number(&w, "a"), 3);
	assert_int_equal(stats(&w).restarts, 1);
	assert_int_equal(world_logged(&w, "from a lower number"), 1);
	atomic_fetch_add(&w.now, 10);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 4});
	ask_ok(&w, "a", "/a.crl", true);
	assert_int_equal(held_number(&w, "a"), 4);
	assert_int_equal(stats(&w).restarts, 1);
	world_cleanup(&w);
}

/* While what the disk has is in date, nothing older takes its place. */
static void
test_older_is_refused_after_a_restart(void **state)
{
	struct world w;

	store_init(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	world_close(&w);
	atomic_fetch_add(&w.now, 10);
	world_open(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 4});
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_OLDER);
	assert_int_equal(held_number(&w, "a"), 5);
	world_cleanup(&w);
}

static void
damage(const char *path, int how)
{
	size_t len;
	char *p = file_need(path, &len), *longer;

	switch (how) {
	case 0: /* torn */
		len -= 10;
		break;
	case 1:
		len = 0;
		break;
	case 2: /* foreign */
		memset(p, 'x', len);
		break;
	case 3: /* bits */
		p[len - 20] ^= 1;
		break;
	case 4: /* zeroes, as after a lost write */
		memset(p, 0, len);
		break;
	case 5: /* bytes behind */
		longer = realloc(p, len + 1);
		assert_non_null(longer);
		p = longer;
		p[len++] = 0;
		break;
	default:
		break;
	}
	file_write(path, p, len);
	free(p);
}

static void
test_damaged_files_are_set_aside(void **state)
{
	char path[512], aside[600];
	struct world w;

	for (int how = 0; how < 6; how++) {
		store_init(&w);
		world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
		world_open(&w);
		ask_ok(&w, "a", "/a.crl", false);
		world_close(&w);
		only_file(path);
		damage(path, how);
		http_off(&w, true);
		world_open(&w);
		(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
		assert_int_equal(held_number(&w, "a"), -1);
		assert_int_equal(stats(&w).disk_hits, 0);
		world_close(&w);
		assert_int_equal(world_logged(&w, "aside"), 1);
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(kept_num("state"), 0);
		snprintf(aside, sizeof(aside), "state/v2/aside/%s",
		    strrchr(path, '/') + 1);
		assert_int_equal(access(aside, F_OK), 0);
		/* And it heals. */
		world_open(&w);
		http_off(&w, false);
		ask_ok(&w, "a", "/a.crl", false);
		assert_int_equal(held_number(&w, "a"), 5);
		world_cleanup(&w);
	}
}

/* An answer whose row was changed: its digest tells. */
static void
test_a_damaged_answer_is_set_aside(void **state)
{
	struct asking q = {.order = {.kind = EVIDENCE_OCSP}};
	struct world w;
	char url[128];
	const char *urls[] = {url};

	store_init(&w);
	control(&w.http, "/_script", "/o* text=ok");
	world_open(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/o", w.http.port);
	q.order.request = span_of("x", 1);
	asking_start(&q, &w, "o", urls, 1);
	asking_wait(&q);
	assert_non_null(q.got.e);
	evidence_free(q.got.e);
	world_close(&w);
	db_do("state", "UPDATE document SET body = x'6f6b21', bytes = 3");
	http_off(&w, true);
	world_open(&w);
	q = (struct asking){.order = {.kind = EVIDENCE_OCSP}};
	asking_start(&q, &w, "o", urls, 1);
	asking_wait(&q);
	assert_null(q.got.e);
	world_close(&w);
	assert_int_equal(world_logged(&w, "aside"), 1);
	assert_int_equal(kept_num("state"), 0);
	world_cleanup(&w);
}

/* A file that somebody has removed is fetched again. */
static void
test_a_lost_file_is_fetched_again(void **state)
{
	struct world w;
	char path[512];

	store_init(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	world_close(&w);
	only_file(path);
	assert_int_equal(unlink(path), 0);
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(stats(&w).fetches, 1);
	world_close(&w);
	assert_int_equal(access(path, F_OK), 0);
	world_cleanup(&w);
}

/* A file put there by somebody: signed by another, under our key's name. */
static void
test_forged_file_is_not_believed(void **state)
{
	struct store_meta m = {.kind = EVIDENCE_CRL, .url = "http://x/"};
	struct crlmake how = {.number = 9};
	struct world w;
	uint8_t *der;
	size_t len;

	store_init(&w);
	how.key = w.other_key;
	der = crlmake(&how, &len);
	world_open(&w);
	m.key = key_named("a");
	keep("state", &m, span_of(der, len));
	http_off(&w, true);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
	assert_int_equal(held_number(&w, "a"), -1);
	world_close(&w);
	assert_int_equal(world_logged(&w, "aside"), 1);
	free(der);
	world_cleanup(&w);
}

/* Genuine, under our key's name, and not what is asked for there. */
static void
test_evidence_of_another_kind_is_not_read(void **state)
{
	static const struct {
		enum evidence_kind kept, asked;
		bool read;
	} rows[] = {
	    {EVIDENCE_CRL, EVIDENCE_CRL, true},
	    {EVIDENCE_OCSP, EVIDENCE_CRL, false},
	    {EVIDENCE_OCSP, EVIDENCE_OCSP, true},
	    {EVIDENCE_CRL, EVIDENCE_OCSP, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_meta m = {
		    .kind = rows[i].kept, .url = "http://x/"};
		struct asking q = {.order.kind = rows[i].asked};
		struct crlmake how = {.number = 9};
		const char *url = "http://127.0.0.1:1/x";
		struct span der;
		struct world w;
		uint8_t *crl;
		size_t len;

		store_init(&w);
		how.key = w.key;
		crl = crlmake(&how, &len);
		der = rows[i].asked == EVIDENCE_CRL ? span_of(crl, len)
						    : span_of("ok", 2);
		world_open(&w);
		m.key = key_named("a");
		m.fetched_at = YEAR2026;
		keep("state", &m, der);
		asking_start(&q, &w, "a", &url, 1);
		asking_wait(&q);
		assert_int_equal(q.got.e != NULL, rows[i].read);
		assert_int_equal(stats(&w).disk_hits, rows[i].read);
		world_close(&w);
		assert_int_equal(world_logged(&w, "aside"), !rows[i].read);
		assert_int_equal(
		    world_logged(&w, "another kind"), !rows[i].read);
		evidence_free(q.got.e);
		free(crl);
		world_cleanup(&w);
	}
}

static void
test_links_and_pipes_are_not_followed(void **state)
{
	char path[512];
	struct world w;

	for (int pipe = 0; pipe < 2; pipe++) {
		store_init(&w);
		world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
		world_open(&w);
		ask_ok(&w, "a", "/a.crl", false);
		world_close(&w);
		only_file(path);
		assert_int_equal(rename(path, "elsewhere"), 0);
		if (pipe)
			assert_int_equal(mkfifo(path, 0600), 0);
		else
			assert_int_equal(
			    symlink("/proc/self/cwd/elsewhere", path), 0);
		http_off(&w, true);
		world_open(&w);
		(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
		assert_int_equal(held_number(&w, "a"), -1);
		world_cleanup(&w);
		unlink("elsewhere");
	}
}

static void
test_flush_forgets_the_disk(void **state)
{
	struct evidence_key a = key_named("a");
	char path[512] = "";
	struct world w;

	store_init(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	ask_ok(&w, "b", "/a.crl", false);
	assert_int_equal(archive_flush(w.archive, &a), 0);
	http_off(&w, true);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
	world_close(&w);
	/* The document of two sources is kept for the other. */
	only_file(path);
	assert_int_equal(kept_num("state"), 1);
	world_open(&w);
	assert_int_equal(archive_flush(w.archive, NULL), 0);
	world_close(&w);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(kept_num("state"), 0);
	world_cleanup(&w);
}

static void
test_disk_budget(void **state)
{
	unsigned kept = 0;
	struct world w;
	char key[16];

	store_init(&w);
	w.options.disk_bytes = 20000;
	world_open(&w);
	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		world_crl(&w, "a.crl", &(struct crlmake){.number = i + 1});
		ask_ok(&w, key, "/a.crl", false);
	}
	world_close(&w);
	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		kept += kept_has("state", key_named(key));
	}
	/* Half of it: one issuer. Each costs some 700 bytes. */
	assert_true(kept >= 5 && kept <= 15);
	assert_true(kept_has("state", key_named("k59")));
	assert_true(world_logged(&w, "over the budget") > 0);
	world_cleanup(&w);
}

/* Another process has the database: peers are answered, and it is counted. */
static void
test_a_locked_database_delays_no_answer(void **state)
{
	struct store_db *other;
	struct world w;

	store_init(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	other = db_open("state", STORE_DB_MAKE);
	assert_int_equal(
	    sqlite3_exec(other->handle, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	ask_ok(&w, "a", "/a.crl", false);
	assert_int_equal(held_number(&w, "a"), 5);
	for (int i = 0; stats(&w).disk_lost == 0 && i < 20000; i++)
		wait_ms(1);
	assert_int_equal(stats(&w).disk_lost, 1);
	assert_int_equal(stats(&w).disk_bytes, 0);
	assert_int_equal(world_logged(&w, "not kept on disk for now"), 1);
	ask_ok(&w, "b", "/a.crl", false);
	store_db_close(other);
	world_cleanup(&w);
}

/*
 * Writers killed while they write, some hundred times: what was committed is
 * there, what is found of a source is whole, and the next start never fails.
 */
struct written {
	const uint8_t *der[2];
	size_t len[2];
	unsigned num; /* committed, as far as is known */
	unsigned seen, known;
};

static void
identity_of(uint8_t out[32], unsigned n)
{
	memset(out, 0, 32);
	memcpy(out, &n, sizeof(n));
}

/* The other document of the source goes when this one comes. */
static int
write_once(struct store_db *db, const struct written *x, unsigned n)
{
	struct store_meta m = {.kind = EVIDENCE_CRL, .url = "http://x/"};
	struct store_known k = {.reason = 1, .url = "http://x/"};
	struct span is = span_of(x->der[n / 4 % 2], x->len[n / 4 % 2]),
		    was = span_of(x->der[1 - n / 4 % 2], x->len[1 - n / 4 % 2]);
	uint8_t sha256[2][32];
	struct err err;
	int rc;

	m.key.id[0] = (uint8_t)(n % 4);
	identity_of(k.identity, n);
	store_db_digest(sha256[0], is);
	store_db_digest(sha256[1], was);
	if (store_file_write("state", sha256[0], is, &err) != 0 ||
	    store_db_begin(db, &err) != 0)
		return -1;
	rc = store_db_save(db, &m, sha256[0], is, &err);
	if (rc == 0)
		rc = store_db_drop(db, &m.key, sha256[1], &err);
	if (rc == 0)
		rc = store_db_known_put(db, &k, &err);
	if (store_db_end(db, rc, &err) != 0)
		return -1;
	return store_db_clean(db, &err);
}

static void
write_for_ever(const struct written *x, int told)
{
	struct store_db *db;
	struct err err;

	if (store_db_prepare("state", &err) != 0 ||
	    store_db_open(&db, "state", STORE_DB_MAKE, NULL, &err) != 0)
		_exit(1);
	for (unsigned n = x->num;; n++)
		if (write_once(db, x, n) != 0 ||
		    write(told, &n, sizeof(n)) != sizeof(n))
			_exit(1);
}

static void
kill_round(struct written *x, unsigned us)
{
	struct timespec ts = {.tv_nsec = (long)us * 1000};
	int told[2], status;
	unsigned n;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_for_ever(x, told[1]);
	close(told[1]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(read(told[0], &n, sizeof(n)), sizeof(n));
	nanosleep(&ts, NULL); /* anywhere inside a write */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	while (read(told[0], &n, sizeof(n)) == sizeof(n))
		continue;
	close(told[0]);
	x->num = n + 1;
}

static bool
check_record(void *arg, struct store_record *r)
{
	struct written *x = arg;
	int which = r->len == x->len[0] ? 0 : 1;
	uint8_t *p = malloc(r->len);

	assert_string_equal(r->error, "");
	assert_non_null(p);
	assert_int_equal(r->len, x->len[which]);
	assert_int_equal(
	    pread(r->fd, p, r->len, (off_t)r->offset), (ssize_t)r->len);
	assert_memory_equal(p, x->der[which], r->len);
	free(p);
	x->seen |= 1U << r->meta.key.id[0];
	return true;
}

static bool
count_known(void *arg, const struct store_known *k)
{
	((struct written *)arg)->known++;
	return true;
}

static void
test_killed_while_writing(void **state)
{
	struct written x = {.num = 0};
	uint8_t *der[2] = {crlmake_many(3000, NULL, &x.len[0]),
	    crlmake_many(1000, NULL, &x.len[1])};
	struct store_db *db;
	struct err err;

	x.der[0] = der[0];
	x.der[1] = der[1];
	(void)!system("rm -rf state");
	for (unsigned i = 0; i < 100; i++) {
		kill_round(&x, i * 97 % 5000);
		x.seen = x.known = 0;
		/* Nothing is set aside: there would be an error here. */
		db = db_open("state", STORE_DB_LOOK);
		assert_int_equal(
		    store_db_each(db, 1000, check_record, &x, &err), 0);
		assert_int_equal(
		    store_db_known_each(db, count_known, &x, &err), 0);
		store_db_close(db);
		assert_int_equal(x.seen, 15);
		/* One may have been committed and not told any more. */
		assert_true(x.known == x.num || x.known == x.num + 1);
		x.num = x.known;
	}
	free(der[0]);
	free(der[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers_after_a_restart_without_network),
	    cmocka_unit_test(test_not_modified_after_a_restart),
	    cmocka_unit_test(test_stale_evidence_survives_a_restart),
	    cmocka_unit_test(test_older_is_refused_after_a_restart),
	    cmocka_unit_test(test_damaged_files_are_set_aside),
	    cmocka_unit_test(test_a_damaged_answer_is_set_aside),
	    cmocka_unit_test(test_a_lost_file_is_fetched_again),
	    cmocka_unit_test(test_forged_file_is_not_believed),
	    cmocka_unit_test(test_evidence_of_another_kind_is_not_read),
	    cmocka_unit_test(test_links_and_pipes_are_not_followed),
	    cmocka_unit_test(test_flush_forgets_the_disk),
	    cmocka_unit_test(test_disk_budget),
	    cmocka_unit_test(test_a_locked_database_delays_no_answer),
	    cmocka_unit_test(test_killed_while_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
