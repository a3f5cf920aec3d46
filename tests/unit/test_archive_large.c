/*
 * archive: a large CRL comes no faster than the thread beside reads it, and
 * comes whole or is refused, whatever becomes of the server, of that thread and
 * of the archive meanwhile.
 */
#include "tests/unit/archive_help.h"

#include <sched.h>

#include <sys/resource.h>

#define NUM           100000 /* 3.9 MB: several times what is received ahead */
#define MOST_UNPACKED ((size_t)8 << 20) /* of 128 MiB */

/* a.crl, and b.crl with one octet in another state. */
static void
large_init(struct world *w)
{
	struct octets o = {0};
	struct crlmake how = {.number = 5, .entries = &o};
	uint8_t serial[16], *p, *at;
	size_t len;

	world_init(w, NULL);
	crlmake_entries(&o, NUM);
	how.key = w->key;
	p = crlmake(&how, &len);
	world_file("a.crl", p, len);
	crlmake_serial(NUM / 2, serial);
	at = memmem(p, len, serial, sizeof(serial));
	assert_non_null(at);
	at[3] ^= 1;
	world_file("b.crl", p, len);
	free(p);
	octets_free(&o);
	world_open(w);
}

static void
check_whole(struct world *w, const char *key)
{
	struct evidence_key k = key_named(key);
	struct documents *d = archive_get1(w->archive, &k);

	assert_int_equal(d->num, 1);
	assert_int_equal(crl_get0_info(d->v[0]->crl)->num_entries, NUM);
	documents_free(d);
}

/* /odd: that file, sent in that way. */
static void
send_odd(struct world *w, const char *name, const char *how)
{
	char cwd[512], line[1200];

	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(line, sizeof(line), "/odd %s file=%s/www/%s", how, cwd, name);
	control(&w->http, "/_script", line);
}

static void
test_whole(void **state)
{
	struct world w;

	large_init(&w);
	ask_ok(&w, "a", "/a.crl", false);
	check_whole(&w, "a");
	send_odd(&w, "a.crl", "no-length");
	ask_ok(&w, "odd", "/odd", false);
	check_whole(&w, "odd");
	world_cleanup(&w);
}

static void
test_not_whole(void **state)
{
	struct world w;

	large_init(&w);
	send_odd(&w, "a.crl", "truncate=3000000");
	(void)ask_fails(&w, "a", "/odd", EVIDENCE_FAIL_UNREACHABLE);
	send_odd(&w, "a.crl", "no-length truncate=3000000");
	(void)ask_fails(&w, "a", "/odd", EVIDENCE_FAIL_MALFORMED);
	world_cleanup(&w);
}

static void
test_another_octet(void **state)
{
	struct evidence_failure f;
	struct world w;

	large_init(&w);
	f = ask_fails(&w, "b", "/b.crl", EVIDENCE_FAIL_REJECTED);
	assert_non_null(strstr(f.msg, "signature"));
	world_cleanup(&w);
}

static void
test_closed_meanwhile(void **state)
{
	struct asking q = {0};
	struct world w;
	char url[128];
	const char *urls[] = {url};

	large_init(&w);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.crl", w.http.port);
	asking_start(&q, &w, "a", urls, 1);
	hits_await(&w.http, 1, "/a.crl");
	world_close(&w);
	asking_wait(&q);
	evidence_free(q.got.e);
	world_cleanup(&w);
}

static void *
spin(void *arg)
{
	atomic_bool *stop = arg;

	while (!atomic_load(stop))
		continue;
	return NULL;
}

/* The only processor is wanted by somebody all the time. */
struct busy {
	cpu_set_t was;
	atomic_bool stop;
	pthread_t spinner;
};

static void
busy_begin(struct busy *b)
{
	cpu_set_t one;

	assert_int_equal(sched_getaffinity(0, sizeof(b->was), &b->was), 0);
	CPU_ZERO(&one);
	for (int i = 0; CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, &b->was))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	atomic_init(&b->stop, false);
	assert_int_equal(pthread_create(&b->spinner, NULL, spin, &b->stop), 0);
}

static void
busy_end(struct busy *b)
{
	atomic_store(&b->stop, true);
	pthread_join(b->spinner, NULL);
	assert_int_equal(sched_setaffinity(0, sizeof(b->was), &b->was), 0);
}

static void
test_no_processor_for_the_thread(void **state)
{
	struct busy b;
	struct world w;

	busy_begin(&b);
	large_init(&w);
	ask_ok(&w, "a", "/a.crl", false);
	check_whole(&w, "a");
	busy_end(&b);
	world_cleanup(&w);
}

/* The most that this process has had at a time so far, in bytes. */
static size_t
most_memory(void)
{
	struct rusage used;

	assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
	return (size_t)used.ru_maxrss * 1024;
}

/* What unpacks to much does not lie unpacked until it is refused. */
static void
test_packed(void **state)
{
	struct evidence_failure f;
	size_t before;
	struct busy b;
	struct world w;

	busy_begin(&b);
	large_init(&w);
	/* Text before a PEM block may be of any length. */
	assert_int_equal(system("head -c 134217728 /dev/zero | tr '\\0' '\\n' "
				"| gzip -c >www/long.gz"),
	    0);
	send_odd(&w, "long.gz", "header=Content-Encoding:gzip");
	before = most_memory();
	f = ask_fails(&w, "a", "/odd", EVIDENCE_FAIL_TOO_LARGE);
	assert_in_range(most_memory() - before, 0, MOST_UNPACKED);
	busy_end(&b);
	assert_non_null(strstr(f.msg, "64 times its size"));
	world_cleanup(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_not_whole),
	    cmocka_unit_test(test_another_octet),
	    cmocka_unit_test(test_closed_meanwhile),
	    cmocka_unit_test(test_no_processor_for_the_thread),
	    cmocka_unit_test(test_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
