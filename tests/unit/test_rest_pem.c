/* rest_tls: the pair that REST makes for itself is on disk before it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "gateway/conf/conf.h"
#include "gateway/rest/rest_internal.h"

int __wrap_fsync(int fd);
int __real_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __real_rename(const char *from, const char *to);

static char done[64]; /* f: a whole file, d: a directory, r: renamed */
static bool fails;    /* the next fsync */

int
__wrap_fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	strcat(done, S_ISDIR(st.st_mode) ? "d" : st.st_size > 0 ? "f" : "?");
	return fails ? -1 : __real_fsync(fd);
}

int
__wrap_rename(const char *from, const char *to)
{
	strcat(done, "r");
	return __real_rename(from, to);
}

static void
it_is_synced_before_it_counts(void **state)
{
	static char host[] = "127.0.0.1";
	static struct conf conf;
	char dir[] = "/tmp/test-rest-pem-XXXXXX", path[64];
	struct err err;
	SSL_CTX *ctx;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/rest.pem", dir);
	conf.rest.listen.host = host;
	fails = true;
	assert_int_not_equal(rest_tls_new(&ctx, &conf, dir, &err), 0);
	assert_string_equal(done, "f");
	assert_int_not_equal(access(path, F_OK), 0);
	fails = false;
	done[0] = '\0';
	assert_int_equal(rest_tls_new(&ctx, &conf, dir, &err), 0);
	assert_string_equal(done, "frd");
	SSL_CTX_free(ctx);
	/* It is there: nothing is written again. */
	assert_int_equal(rest_tls_new(&ctx, &conf, dir, &err), 0);
	assert_string_equal(done, "frd");
	SSL_CTX_free(ctx);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_synced_before_it_counts),
	};

	return cmocka_run_group_tests_name("rest.pem", tests, NULL, NULL);
}
