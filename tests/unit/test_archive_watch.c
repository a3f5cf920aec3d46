/* watch: CRL files and directories as a source, told when they change. */
#include "cache/engine/crl_files.h"
#include "tests/unit/archive_help.h"

struct told {
	struct world *w;
	const char *place;
	struct crl_files *watch;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned num;
	char path[8][128];
	int number[8]; /* -1: unreadable, -2: gone */
	bool opened, closed;
	int rc;
	struct err err;
};

static void
tell(void *arg, const char *path, struct evidence *e, const struct err *why)
{
	struct told *t = arg;
	struct span v;
	bool critical;
	size_t len = strlen(path);

	/* Not the temporary files of who writes. */
	if (len < 4 || strcmp(path + len - 4, ".crl") != 0)
		return;
	pthread_mutex_lock(&t->lock);
	assert_true(t->num < 8);
	snprintf(t->path[t->num], 128, "%.127s", path);
	t->number[t->num] = why != NULL ? -1 : -2;
	if (e != NULL) {
		assert_int_equal(e->origin, ORIGIN_FILE);
		assert_string_equal(e->url, path);
		assert_true(crl_extension(
		    e->crl, span_of("\x55\x1d\x14", 3), &critical, &v));
		t->number[t->num] = v.p[2];
	}
	t->num++;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

static void
open_there(void *arg)
{
	struct told *t = arg;

	t->rc =
	    crl_files_new(&t->watch, t->w->archive, t->place, tell, t, &t->err);
	pthread_mutex_lock(&t->lock);
	t->opened = true;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

static void
close_there(void *arg)
{
	struct told *t = arg;

	crl_files_free(t->watch);
	pthread_mutex_lock(&t->lock);
	t->closed = true;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

static void
await(struct told *t, const bool *flag, unsigned num)
{
	pthread_mutex_lock(&t->lock);
	while ((flag != NULL && !*flag) || t->num < num)
		pthread_cond_wait(&t->cond, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static void
begin(struct told *t, struct world *w, const char *place)
{
	*t = (struct told){.w = w, .place = place};
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->cond, NULL);
	assert_int_equal(archive_post(w->archive, open_there, t), 0);
	await(t, &t->opened, 0);
}

static void
end(struct told *t)
{
	assert_int_equal(archive_post(t->w->archive, close_there, t), 0);
	await(t, &t->closed, 0);
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->lock);
}

static void
test_a_directory(void **state)
{
	struct world w;
	struct told t;

	world_init(&w, NULL);
	(void)!system("rm -rf www/* && mkdir www/sub");
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_file(".hidden", "x", 1);
	world_open(&w);
	begin(&t, &w, "www/");
	assert_int_equal(t.rc, 0);
	await(&t, NULL, 1);
	assert_string_equal(t.path[0], "www/a.crl");
	assert_int_equal(t.number[0], 5);
	/* Written by rename, as world_file does, and in place. */
	world_crl(&w, "a.crl", &(struct crlmake){.number = 6});
	await(&t, NULL, 2);
	assert_int_equal(t.number[1], 6);
	world_file("b.crl", "no CRL", 6);
	await(&t, NULL, 3);
	assert_int_equal(t.number[2], -1);
	assert_int_equal(unlink("www/a.crl"), 0);
	await(&t, NULL, 4);
	assert_int_equal(t.number[3], -2);
	assert_string_equal(t.path[3], "www/a.crl");
	assert_int_equal(t.num, 4);
	end(&t);
	world_cleanup(&w);
}

static void
test_one_file(void **state)
{
	struct world w;
	struct told t;

	world_init(&w, NULL);
	(void)!system("rm -rf www/*");
	world_crl(&w, "a.crl", &(struct crlmake){.number = 5});
	world_open(&w);
	begin(&t, &w, "www/a.crl");
	await(&t, NULL, 1);
	assert_int_equal(t.number[0], 5);
	world_crl(&w, "other.crl", &(struct crlmake){.number = 9});
	world_crl(&w, "a.crl", &(struct crlmake){.number = 6});
	await(&t, NULL, 2);
	assert_int_equal(t.number[1], 6);
	end(&t);

	begin(&t, &w, "www/none.crl");
	assert_int_equal(t.rc, E_IO);
	assert_non_null(strstr(t.err.msg, "none.crl"));
	t.watch = NULL;
	end(&t);
	world_cleanup(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_directory),
	    cmocka_unit_test(test_one_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
