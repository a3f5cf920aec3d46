/*
 * store: what the archive knows survives restarts and crashes; what is found
 * on disk is never believed.
 */
#include "tests/unit/archive_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "cache/store/store_file.h"

static void
store_init(struct world *w)
{
	world_init(w, NULL);
	w->options.state_dir = "state";
	w->options.retry_first_ms = 1;
	w->options.retry_max_ms = 1;
	(void)!system("rm -rf state");
}

/* The path of the only kept file. */
static bool
path_found(void *arg, const char *path)
{
	snprintf(arg, 512, "%s", path);
	return true;
}

static void
only_file(char path[512])
{
	struct err err;

	path[0] = '\0';
	assert_int_equal(store_each("state", path_found, path, &err), 0);
	assert_true(path[0] != '\0');
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
	case 0: /* torn in the DER */
		len -= 10;
		break;
	case 1: /* torn in the header */
		len = 100;
		break;
	case 2:
		len = 0;
		break;
	case 3: /* another version */
		memcpy(p, "revcheck evidence, version 9\n", 29);
		break;
	case 4: /* foreign */
		memset(p, 'x', len);
		break;
	case 5: /* bits of the DER */
		p[len - 20] ^= 1;
		break;
	case 6: /* zeroes where the DER was, as after a lost write */
		memset(p + STORE_HEADER_BYTES, 0, len - STORE_HEADER_BYTES);
		break;
	case 7: /* bytes behind */
		longer = realloc(p, len + 1);
		assert_non_null(longer);
		p = longer;
		p[len++] = 0;
		break;
	case 8: /* of another name */
		p[sizeof("revcheck evidence, version 1\nkey ") - 1] ^= 1;
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

	for (int how = 0; how < 9; how++) {
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
		assert_int_equal(world_logged(&w, "aside"), 1);
		assert_int_equal(access(path, F_OK), -1);
		snprintf(aside, sizeof(aside), "state/v1/aside/%s",
		    strrchr(path, '/') + 1);
		assert_int_equal(access(aside, F_OK), 0);
		/* And it heals. */
		http_off(&w, false);
		ask_ok(&w, "a", "/a.crl", false);
		assert_int_equal(held_number(&w, "a"), 5);
		world_cleanup(&w);
	}
}

/* A file put there by somebody: signed by another, under our key's name. */
static void
test_forged_file_is_not_believed(void **state)
{
	struct store_meta m = {.kind = EVIDENCE_CRL, .url = "http://x/"};
	struct crlmake how = {.number = 9};
	struct world w;
	struct err err;
	uint8_t *der;
	size_t len;

	store_init(&w);
	how.key = w.other_key;
	der = crlmake(&how, &len);
	world_open(&w);
	m.key = key_named("a");
	assert_int_equal(store_write("state", &m, span_of(der, len), &err), 0);
	http_off(&w, true);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
	assert_int_equal(held_number(&w, "a"), -1);
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
		struct err err;
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
		assert_int_equal(store_write("state", &m, der, &err), 0);
		asking_start(&q, &w, "a", &url, 1);
		asking_wait(&q);
		assert_int_equal(q.got.e != NULL, rows[i].read);
		assert_int_equal(stats(&w).disk_hits, rows[i].read);
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

	store_init(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	world_close(&w);
	only_file(path);
	assert_int_equal(rename(path, "elsewhere"), 0);
	assert_int_equal(symlink("/proc/self/cwd/elsewhere", path), 0);
	http_off(&w, true);
	world_open(&w);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
	assert_int_equal(held_number(&w, "a"), -1);
	world_cleanup(&w);
	unlink("elsewhere");
}

static void
test_flush_forgets_the_disk(void **state)
{
	struct evidence_key a = key_named("a");
	char path[512] = "";
	struct world w;
	struct err err;

	store_init(&w);
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	ask_ok(&w, "a", "/a.crl", false);
	ask_ok(&w, "b", "/a.crl", false);
	assert_int_equal(archive_flush(w.archive, &a), 0);
	http_off(&w, true);
	(void)ask_fails(&w, "a", "/a.crl", EVIDENCE_FAIL_UNREACHABLE);
	world_close(&w);
	only_file(path);
	world_open(&w);
	assert_int_equal(archive_flush(w.archive, NULL), 0);
	path[0] = '\0';
	assert_int_equal(store_each("state", path_found, path, &err), 0);
	assert_string_equal(path, "");
	world_cleanup(&w);
}

static void
test_disk_budget(void **state)
{
	struct world w;
	struct stat st;
	char path[512];
	unsigned kept = 0;

	store_init(&w);
	w.options.disk_bytes = 50000;
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	for (int i = 0; i < 60; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		ask_ok(&w, key, "/a.crl", false);
	}
	world_close(&w);
	for (int i = 0; i < 60; i++) {
		struct evidence_key k;
		char key[16], hex[65];

		snprintf(key, sizeof(key), "k%d", i);
		k = key_named(key);
		for (int n = 0; n < 32; n++)
			snprintf(hex + 2 * n, 3, "%02x", k.id[n]);
		snprintf(path, sizeof(path), "state/v1/%.2s/%s", hex, hex);
		kept += stat(path, &st) == 0;
	}
	assert_true(kept >= 5 && kept <= 12);
	assert_true(world_logged(&w, "over the budget") > 0);
	world_cleanup(&w);
}

static void
test_header_round_trip(void **state)
{
	struct store_meta m = {.kind = EVIDENCE_OCSP, .fetched_at = 12345}, got;
	char page[STORE_HEADER_BYTES];
	size_t len;

	memset(m.key.id, 0xa5, 32);
	memset(m.owner, 0x5a, 32);
	memset(m.url, 'u', sizeof(m.url) - 1);
	memset(m.etag, 'e', sizeof(m.etag) - 1);
	strcpy(m.last_modified, "evil\nkey 00");
	store_header_write(page, &m, 4711);
	assert_true(store_header_read(page, &got, &len));
	assert_int_equal(len, 4711);
	assert_memory_equal(&m.key, &got.key, sizeof(m.key));
	assert_memory_equal(m.owner, got.owner, 32);
	assert_string_equal(m.url, got.url);
	assert_string_equal(m.etag, got.etag);
	assert_string_equal(got.last_modified, "evil?key 00");
	assert_int_equal(got.fetched_at, 12345);
	/* No octet of it may be lost or changed unnoticed into nonsense. */
	for (size_t i = 0; i < 200; i++) {
		char c = page[i];

		page[i] = '\0';
		assert_false(store_header_read(page, &got, &len));
		page[i] = c;
	}
}

/*
 * Writers killed while they write, some hundred times: whatever is found under
 * a name afterwards is a whole piece of evidence that was written under it.
 */
static void
kill_round(const uint8_t *const der[2], const size_t len[2], unsigned us)
{
	struct store_meta m = {.kind = EVIDENCE_CRL, .url = "http://x/"};
	struct timespec ts = {.tv_nsec = (long)us * 1000};
	int ready[2];
	struct err err;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (unsigned i = 0;; i++) {
			m.key.id[0] = (uint8_t)(i % 4);
			if (store_write("state", &m,
				span_of(der[i % 2], len[i % 2]), &err) != 0)
				_exit(1);
			if (i == 3 && write(ready[1], "x", 1) != 1)
				_exit(1);
		}
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	nanosleep(&ts, NULL); /* anywhere inside a write */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

struct checked {
	const uint8_t *const *der;
	const size_t *len;
	unsigned num;
};

static bool
check_file(void *arg, const char *path)
{
	struct checked *c = arg;
	struct store_record r;
	struct err err;
	uint8_t *p;
	int which;

	if (store_read(&r, path, 100000, &err) != 1)
		fail_msg("%s", err.msg);
	which = r.len == c->len[0] ? 0 : 1;
	assert_int_equal(r.len, c->len[which]);
	p = malloc(r.len);
	assert_non_null(p);
	assert_int_equal(
	    pread(r.fd, p, r.len, (off_t)r.offset), (ssize_t)r.len);
	assert_memory_equal(p, c->der[which], r.len);
	free(p);
	store_record_cleanup(&r);
	c->num++;
	return true;
}

static void
test_killed_while_writing(void **state)
{
	size_t len[2];
	uint8_t *der[2] = {crlmake_many(3000, NULL, &len[0]),
	    crlmake_many(1000, NULL, &len[1])};
	const uint8_t *both[2] = {der[0], der[1]};
	struct checked c = {.der = both, .len = len};
	struct err err;

	(void)!system("rm -rf state && mkdir -p state/v1");
	for (unsigned i = 0; i < 250; i++) {
		kill_round(both, len, i * 37 % 2000);
		c.num = 0;
		assert_int_equal(store_each("state", check_file, &c, &err), 0);
		assert_int_equal(c.num, 4); /* nothing lost */
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
	    cmocka_unit_test(test_forged_file_is_not_believed),
	    cmocka_unit_test(test_evidence_of_another_kind_is_not_read),
	    cmocka_unit_test(test_links_and_pipes_are_not_followed),
	    cmocka_unit_test(test_flush_forgets_the_disk),
	    cmocka_unit_test(test_disk_budget),
	    cmocka_unit_test(test_header_round_trip),
	    cmocka_unit_test(test_killed_while_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
