/* section and journal: versions, history, and files that a crash left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/state/section_store.h"

#define FILE_NAME "sections.journal"

static struct section_store *
open_store(void)
{
	struct section_store *s;
	struct err err;

	if (section_store_open(&s, ".", NULL, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

static void
put(struct section_store *s, enum section_id id, const char *text)
{
	const struct section_author me = {
	    .who = "me", .from = "here", .action = "put"};
	cJSON *config = cJSON_Parse(text);
	struct err err;

	if (section_store_put(s, id, config, text, &me, &err) != 0)
		fail_msg("%s", err.msg);
	cJSON_Delete(config);
}

static int
fresh(void **state)
{
	unlink(FILE_NAME);
	return 0;
}

static void
versions_count_from_one(void **state)
{
	struct section_store *s = open_store();

	assert_int_equal(section_version(s, SECTION_REVCHECK), -1);
	assert_null(section_config(s, SECTION_REVCHECK));
	put(s, SECTION_REVCHECK, "{\"order\":\"CRL\"}");
	put(s, SECTION_REVCHECK, "{}");
	assert_int_equal(section_version(s, SECTION_REVCHECK), 2);
	assert_int_equal(section_version(s, SECTION_GATEWAY), -1);
	section_store_close(s);
	s = open_store();
	assert_int_equal(section_version(s, SECTION_REVCHECK), 2);
	assert_string_equal(section_text(s, SECTION_REVCHECK), "{}");
	assert_int_equal(section_num_changes(s, SECTION_REVCHECK), 2);
	assert_string_equal(section_change(s, SECTION_REVCHECK, 0)->text,
	    "{\"order\":\"CRL\"}");
	assert_string_equal(section_change(s, SECTION_REVCHECK, 0)->who, "me");
	section_store_close(s);
}

static void
revert_takes_the_last_back(void **state)
{
	struct section_store *s = open_store();
	struct err err;

	put(s, SECTION_GATEWAY, "{\"maxRequestSize\":10000000}");
	put(s, SECTION_GATEWAY, "{}");
	assert_int_equal(section_store_revert(s, SECTION_GATEWAY, &err), 0);
	assert_int_equal(section_version(s, SECTION_GATEWAY), 1);
	assert_string_equal(
	    section_text(s, SECTION_GATEWAY), "{\"maxRequestSize\":10000000}");
	section_store_close(s);
	s = open_store();
	assert_int_equal(section_version(s, SECTION_GATEWAY), 1);
	section_store_close(s);
}

/* Every length of a torn last record leaves the one before. */
static void
torn_end_is_cut_off(void **state)
{
	struct section_store *s = open_store();
	struct stat one, two;
	char *whole;
	int fd;

	put(s, SECTION_REVCHECK, "{\"order\":\"CRL\"}");
	assert_int_equal(stat(FILE_NAME, &one), 0);
	put(s, SECTION_REVCHECK, "{\"order\":\"OCSP\"}");
	assert_int_equal(stat(FILE_NAME, &two), 0);
	section_store_close(s);
	whole = malloc((size_t)two.st_size);
	fd = open(FILE_NAME, O_RDONLY);
	assert_int_equal(read(fd, whole, (size_t)two.st_size), two.st_size);
	close(fd);
	for (off_t len = two.st_size; len >= one.st_size; len--) {
		fd = open(FILE_NAME, O_WRONLY | O_TRUNC);
		assert_int_equal(write(fd, whole, (size_t)len), len);
		close(fd);
		s = open_store();
		assert_int_equal(section_version(s, SECTION_REVCHECK),
		    len == two.st_size ? 2 : 1);
		/* And it can be written to. */
		put(s, SECTION_REVCHECK, "{}");
		section_store_close(s);
		s = open_store();
		assert_int_equal(section_version(s, SECTION_REVCHECK),
		    len == two.st_size ? 3 : 2);
		section_store_close(s);
	}
	free(whole);
}

static void
damage_in_the_middle_is_an_error(void **state)
{
	struct section_store *s = open_store();
	struct err err;
	int fd;

	put(s, SECTION_REVCHECK, "{\"order\":\"CRL\"}");
	put(s, SECTION_REVCHECK, "{}");
	section_store_close(s);
	fd = open(FILE_NAME, O_WRONLY);
	assert_int_equal(pwrite(fd, "X", 1, 40), 1);
	close(fd);
	assert_int_equal(section_store_open(&s, ".", NULL, &err), E_PARSE);
	assert_non_null(strstr(err.msg, "damaged at record 1"));
}

static void
one_process_at_a_time(void **state)
{
	struct section_store *s = open_store(), *second;
	struct err err;

	assert_int_equal(section_store_open(&second, ".", NULL, &err), E_IO);
	assert_non_null(strstr(err.msg, "in use"));
	section_store_close(s);
}

static void
history_is_bounded(void **state)
{
	struct section_store *s;
	char text[40];
	struct err err;

	assert_int_equal(section_store_open(&s, NULL, NULL, &err), 0);
	for (int i = 0; i < SECTION_MAX_HISTORY + 5; i++) {
		snprintf(text, sizeof(text), "{\"deadlineMs\":%d}", i + 1);
		put(s, SECTION_REVCHECK, text);
	}
	assert_int_equal(
	    section_num_changes(s, SECTION_REVCHECK), SECTION_MAX_HISTORY);
	assert_int_equal(section_change(s, SECTION_REVCHECK, 0)->version, 6);
	assert_int_equal(
	    section_version(s, SECTION_REVCHECK), SECTION_MAX_HISTORY + 5);
	section_store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(versions_count_from_one, fresh),
	    cmocka_unit_test_setup(revert_takes_the_last_back, fresh),
	    cmocka_unit_test_setup(torn_end_is_cut_off, fresh),
	    cmocka_unit_test_setup(damage_in_the_middle_is_an_error, fresh),
	    cmocka_unit_test_setup(one_process_at_a_time, fresh),
	    cmocka_unit_test_setup(history_is_bounded, fresh),
	};

	return cmocka_run_group_tests_name("sections", tests, NULL, NULL);
}
