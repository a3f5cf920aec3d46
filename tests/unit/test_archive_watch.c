/*
 * watch: CRL files and directories as sources, told when they change, however
 * that comes about: written, renamed, linked, removed, or a directory or a link
 * on the way replaced; and looked at for what nobody tells of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cache/engine/crl_files.h"
#include "tests/lib/crlmake.h"
#include "tests/lib/net.h"

#define NEVER (24 * 3600 * 1000) /* look_ms: inotify has to tell */
#define SOON  20                 /* ... does not */

/* What is known of each path: "5 6" are numbers, "!" a fault, "-" gone. */
struct told {
	struct crl_files *files;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned num, num_settled, num_dropped;
	struct {
		char path[128], is[64], why[200];
		unsigned times;
	} v[16];
};

static void
hear_file(void *arg, struct crl_file *f)
{
	struct told *t = arg;
	size_t i = 0, len = 0;
	struct span v;
	bool critical;

	pthread_mutex_lock(&t->lock);
	while (i < t->num && strcmp(t->v[i].path, f->path) != 0)
		i++;
	assert_true(i < 16);
	if (i == t->num)
		snprintf(t->v[t->num++].path, 128, "%.127s", f->path);
	assert_true(f->mine == NULL || f->mine == &t->v[i]);
	f->mine = &t->v[i];
	t->v[i].times++;
	t->v[i].is[0] = '\0';
	snprintf(t->v[i].why, sizeof(t->v[i].why), "%.199s",
	    f->why.code != 0 ? f->why.msg : "");
	for (size_t k = 0; k < f->num; k++) {
		assert_int_equal(f->v[k]->origin, ORIGIN_FILE);
		assert_string_equal(f->v[k]->url, f->path);
		assert_true(crl_extension(
		    f->v[k]->crl, span_of("\x55\x1d\x14", 3), &critical, &v));
		len += (size_t)snprintf(t->v[i].is + len,
		    sizeof(t->v[i].is) - len, "%s%d", k > 0 ? " " : "", v.p[2]);
	}
	if (!f->there || f->why.code != 0)
		snprintf(t->v[i].is + len, sizeof(t->v[i].is) - len, "%s%s",
		    len > 0 ? " " : "", f->there ? "!" : "-");
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

static void
hear_settled(void *arg)
{
	struct told *t = arg;

	pthread_mutex_lock(&t->lock);
	t->num_settled++;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

static void
hear_drop(void *arg, struct crl_file *f)
{
	struct told *t = arg;

	assert_non_null(f->mine);
	t->num_dropped++;
}

static int
begin(struct told *t, const char *path, uint32_t look_ms, struct err *err)
{
	const char *paths[] = {path, NULL};
	struct crl_files_options o = {.paths = paths, .look_ms = look_ms};
	struct crl_files_hear hear = {hear_file, hear_settled, hear_drop, t};

	*t = (struct told){.num = 0};
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->cond, NULL);
	return crl_files_new(&t->files, &o, &hear, err);
}

static void
end(struct told *t)
{
	crl_files_free(t->files);
	assert_int_equal(t->num_dropped, t->num);
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->lock);
}

static bool
is_so(const struct told *t, const char *path, const char *is)
{
	for (size_t i = 0; i < t->num; i++)
		if (strcmp(t->v[i].path, path) == 0)
			return strcmp(t->v[i].is, is) == 0;
	return false;
}

static void
await(struct told *t, const char *path, const char *is)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_MS / 1000;
	pthread_mutex_lock(&t->lock);
	while (rc == 0 && !is_so(t, path, is))
		rc = pthread_cond_timedwait(&t->cond, &t->lock, &until);
	for (size_t i = 0; rc != 0 && i < t->num; i++)
		print_message("# %s is '%s' (%s)\n", t->v[i].path, t->v[i].is,
		    t->v[i].why);
	if (rc != 0)
		fail_msg("%s is not '%s'", path, is);
	pthread_mutex_unlock(&t->lock);
}

static void
await_settled(struct told *t, unsigned num)
{
	pthread_mutex_lock(&t->lock);
	while (t->num_settled < num)
		pthread_cond_wait(&t->cond, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

/* A file of CRLs of these numbers, 0-terminated; in place, and left open. */
static int
put_open(const char *path, const long *numbers)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t len;

	assert_true(fd >= 0);
	for (; *numbers != 0; numbers++) {
		uint8_t *der =
		    crlmake(&(struct crlmake){.number = *numbers}, &len);
		char *pem = crlmake_pem(der, len);

		assert_int_equal(
		    write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
		free(pem);
		free(der);
	}
	return fd;
}

static void
put(const char *path, long number)
{
	assert_int_equal(close(put_open(path, (long[]){number, 0})), 0);
}

static void
make_anew(const char *dir)
{
	char cmd[200];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s' && mkdir -p '%s'", dir, dir);
	assert_int_equal(system(cmd), 0);
}

static void
test_a_directory(void **state)
{
	struct told t;
	struct err err;

	(void)state;
	make_anew("d/sub");
	put("d/a.crl", 5);
	put("d/.hidden", 9);
	assert_int_equal(mkfifo("d/pipe", 0600), 0);
	assert_int_equal(begin(&t, "d/", NEVER, &err), 0);
	await(&t, "d/a.crl", "5");
	await(&t, "d/pipe", "!");
	put("d/.part", 6);
	assert_int_equal(rename("d/.part", "d/a.crl"), 0);
	await(&t, "d/a.crl", "6");
	put("d/a.crl", 7);
	await(&t, "d/a.crl", "7");
	close(put_open("d/b.crl", (long[]){0}));
	await(&t, "d/b.crl", "!");
	assert_int_equal(link("d/.hidden", "d/hard.crl"), 0);
	await(&t, "d/hard.crl", "9");
	assert_int_equal(unlink("d/a.crl"), 0);
	await(&t, "d/a.crl", "-");
	put("d/a.crl", 5);
	await(&t, "d/a.crl", "5");
	assert_int_equal(t.num, 4);
	end(&t);
	make_anew("d");
}

static void
test_several_in_one(void **state)
{
	struct told t;
	struct err err;
	FILE *f;

	(void)state;
	make_anew("s");
	close(put_open("s/a.pem", (long[]){5, 6, 7, 0}));
	assert_int_equal(begin(&t, "s/a.pem", NEVER, &err), 0);
	await(&t, "s/a.pem", "5 6 7");
	close(put_open("s/.part", (long[]){5, 8, 0}));
	f = fopen("s/.part", "a");
	fputs("-----BEGIN X509 CRL-----\nMAMC\n-----END X509 CRL-----\n", f);
	fclose(f);
	assert_int_equal(rename("s/.part", "s/a.pem"), 0);
	await(&t, "s/a.pem", "5 8 !");
	end(&t);
}

static void
test_one_file(void **state)
{
	struct told t;
	struct err err;

	(void)state;
	make_anew("o");
	put("o/other.crl", 9);
	/* Not there yet. */
	assert_int_equal(begin(&t, "o/a.crl", NEVER, &err), 0);
	await(&t, "o/a.crl", "-");
	assert_non_null(strstr(t.v[0].why, "does not exist"));
	put("o/a.crl", 5);
	await(&t, "o/a.crl", "5");
	put("o/other.crl", 10);
	put("o/a.crl", 6);
	await(&t, "o/a.crl", "6");
	assert_int_equal(t.num, 1);
	end(&t);
	assert_int_equal(begin(&t, "o/none/a.crl", NEVER, &err), E_IO);
	assert_non_null(strstr(err.msg, "none/a.crl"));
	assert_int_equal(crl_files_check("o/a.crl/b", &err), E_IO);
	assert_int_equal(crl_files_check("", &err), E_ARG);
	assert_int_equal(crl_files_check("o/none", &err), 0);
	assert_int_equal(crl_files_check("o", &err), 0);
}

/* As Kubernetes mounts a volume: names lead through one link. */
static void
swap_data(const char *to)
{
	assert_int_equal(symlink(to, "k/v/..data_tmp"), 0);
	assert_int_equal(rename("k/v/..data_tmp", "k/v/..data"), 0);
}

static void
a_volume(void)
{
	make_anew("k/v/..one");
	make_anew("k/v/..two");
	put("k/v/..one/a.crl", 5);
	put("k/v/..two/a.crl", 6);
	assert_int_equal(symlink("..one", "k/v/..data"), 0);
	assert_int_equal(symlink("..data/a.crl", "k/v/a.crl"), 0);
}

static void
test_links(void **state)
{
	static const char *const paths[] = {"k/v", "k/v/a.crl"};
	char *cwd = getcwd(NULL, 0), *to;
	struct told t;
	struct err err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		make_anew("k");
		a_volume();
		assert_int_equal(begin(&t, paths[i], NEVER, &err), 0);
		await(&t, "k/v/a.crl", "5");
		swap_data("..two");
		await(&t, "k/v/a.crl", "6");
		/* What it is led to now is watched, what it was is not. */
		put("k/v/..two/a.crl", 7);
		await(&t, "k/v/a.crl", "7");
		end(&t);
	}
	/* A link to the directory, and one that leads elsewhere. */
	make_anew("l");
	assert_true(asprintf(&to, "%s/k/v", cwd) > 0);
	assert_int_equal(symlink(to, "l/mount"), 0);
	assert_int_equal(begin(&t, "l/mount", NEVER, &err), 0);
	await(&t, "l/mount/a.crl", "7");
	swap_data("..one");
	await(&t, "l/mount/a.crl", "5");
	make_anew("l/new");
	put("l/new/a.crl", 8);
	assert_int_equal(symlink("new", "l/mount_tmp"), 0);
	assert_int_equal(rename("l/mount_tmp", "l/mount"), 0);
	await(&t, "l/mount/a.crl", "8");
	end(&t);
	free(to);
	free(cwd);
}

static void
test_directories_replaced(void **state)
{
	static const char *const paths[] = {"r/a/b", "r/a/b/a.crl"};
	struct told t;
	struct err err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		make_anew("r");
		make_anew("r/a/b");
		make_anew("r/n/b");
		make_anew("r/m");
		put("r/a/b/a.crl", 5);
		put("r/n/b/a.crl", 6);
		put("r/m/a.crl", 7);
		assert_int_equal(begin(&t, paths[i], NEVER, &err), 0);
		await(&t, "r/a/b/a.crl", "5");
		/* On the way, and the last one. */
		assert_int_equal(rename("r/a", "r/old"), 0);
		await(&t, "r/a/b/a.crl", "-");
		assert_int_equal(rename("r/n", "r/a"), 0);
		await(&t, "r/a/b/a.crl", "6");
		assert_int_equal(rename("r/a/b", "r/a/old"), 0);
		assert_int_equal(rename("r/m", "r/a/b"), 0);
		await(&t, "r/a/b/a.crl", "7");
		put("r/a/b/a.crl", 8);
		await(&t, "r/a/b/a.crl", "8");
		end(&t);
	}
}

/* A file that stays open tells of nothing, as a network file system may. */
static void
test_looked_at(void **state)
{
	struct told t;
	struct err err;
	int fd;

	(void)state;
	make_anew("q");
	put("q/a.crl", 5);
	assert_int_equal(begin(&t, "q/a.crl", SOON, &err), 0);
	await(&t, "q/a.crl", "5");
	fd = put_open("q/a.crl", (long[]){6, 0});
	await(&t, "q/a.crl", "6");
	/* Half of it: a fault, and it is looked at again. */
	assert_int_equal(ftruncate(fd, 100), 0);
	await(&t, "q/a.crl", "!");
	close(fd);
	fd = put_open("q/a.crl", (long[]){7, 0});
	await(&t, "q/a.crl", "7");
	close(fd);
	end(&t);
}

static void
test_read_again(void **state)
{
	struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	struct told t;
	struct err err;
	unsigned times, settled;

	(void)state;
	make_anew("g");
	put("g/a.crl", 5);
	assert_int_equal(utimensat(AT_FDCWD, "g/a.crl", old, 0), 0);
	assert_int_equal(begin(&t, "g", NEVER, &err), 0);
	await(&t, "g/a.crl", "5");
	await_settled(&t, 1);
	pthread_mutex_lock(&t.lock);
	times = t.v[0].times;
	settled = t.num_settled;
	pthread_mutex_unlock(&t.lock);
	crl_files_again(t.files);
	await_settled(&t, settled + 1);
	pthread_mutex_lock(&t.lock);
	assert_true(t.v[0].times > times);
	pthread_mutex_unlock(&t.lock);
	end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_directory),
	    cmocka_unit_test(test_several_in_one),
	    cmocka_unit_test(test_one_file),
	    cmocka_unit_test(test_links),
	    cmocka_unit_test(test_directories_replaced),
	    cmocka_unit_test(test_looked_at),
	    cmocka_unit_test(test_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
