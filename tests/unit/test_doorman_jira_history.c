/* Who moved an issue, from histories as JIRA tells them and others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixtures/doorman/service/conf/secret_file.h"
#include "fixtures/doorman/service/tickets/jira_history.h"

#define NUM(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
times(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} rows[] = {
	    {"1970-01-01T00:00:00.000+0000", 0},
	    {"1970-01-01T01:00:00.250+0100", 250},
	    {"1970-01-01T00:00:00.5Z", 500},
	    {"1969-12-31T19:00:01-05:00", 1000},
	    {"2026-10-25T02:30:00.000+0200", 1792888200000},
	    {"2026-10-25T02:30:00.000+0100", 1792891800000},
	    {"", -1},
	    {"yesterday", -1},
	    {"1970-01-01T00:00:00", -1},
	    {"1970-01-01T00:00:00.000+9900", -1},
	    {"1970-01-01T00:00:00.000+0000 ", -1},
	    {"1970-01-01T00:00:00.000*0000", -1},
	};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++)
		if (jira_time_ms(rows[i].text) != rows[i].want)
			fail_msg("%s: %lld", rows[i].text,
			    (long long)jira_time_ms(rows[i].text));
}

#define ITEM(field, type, to, name)                                        \
	"{\"field\":\"" field "\",\"fieldtype\":\"" type "\",\"to\":\"" to \
	"\",\"toString\":\"" name "\"}"
#define ENTRY(at, author, items)                                               \
	"{\"created\":\"2026-03-01T12:00:" at ".000+0000\",\"author\":" author \
	",\"items\":[" items "]}"
#define ANN  "{\"accountId\":\"1:a\",\"displayName\":\"Ann\"}"
#define BOB  "{\"name\":\"bob\",\"key\":\"JU1\",\"displayName\":\"Bob\"}"
#define OWN  "{\"accountId\":\"1:own\",\"displayName\":\"Ann\"}"
#define MOVE ITEM("status", "jira", "7", "Approved")

/* says: NULL: it is a decision by `who`. */
static void
moves(void **state)
{
	static const struct {
		const char *entries, *status, *who, *says;
	} rows[] = {
	    {ENTRY("01", ANN, MOVE), "7", "Ann (1:a)", NULL},
	    {ENTRY("01", BOB, MOVE), "7", "Bob (bob)", NULL},
	    /* The newest counts, whatever the order. */
	    {ENTRY("02", ANN, MOVE) "," ENTRY("01", BOB, MOVE), "7",
		"Ann (1:a)", NULL},
	    {ENTRY("01", BOB, MOVE) "," ENTRY("02", ANN, MOVE), "7",
		"Ann (1:a)", NULL},
	    /* Other fields have other authors. */
	    {ENTRY("01", ANN, MOVE) "," ENTRY(
		 "02", BOB, ITEM("assignee", "jira", "7", "Approved")),
		"7", "Ann (1:a)", NULL},
	    /* Told by name, where an id is missing. */
	    {ENTRY("01", ANN, ITEM("status", "jira", "", "Approved")), "7",
		"Ann (1:a)", NULL},
	    {ENTRY("01", ANN, ITEM("status", "jira", "8", "Approved")), "7",
		NULL, "last move"},
	    {ENTRY("01", ANN, MOVE) "," ENTRY(
		 "02", ANN, ITEM("status", "jira", "1", "Open")),
		"7", NULL, "last move"},
	    {ENTRY("01", ANN, ITEM("status", "custom", "7", "Approved")), "7",
		NULL, "does not say who"},
	    {ENTRY("01", ANN, "{\"field\":\"status\",\"to\":\"7\"}"), "7", NULL,
		"does not say who"},
	    {ENTRY("01", OWN, MOVE), "7", NULL, "own account"},
	    /* A Data Center tells key and name, or one of them. */
	    {ENTRY("01", "{\"name\":\"Robot\"}", MOVE), "7", NULL, "own"},
	    {ENTRY("01", "{\"key\":\"JU9\"}", MOVE), "7", NULL, "own"},
	    {ENTRY("01", "{\"key\":\"JU8\",\"name\":\"robot\"}", MOVE), "7",
		NULL, "own"},
	    {ENTRY("01", "null", MOVE), "7", NULL, "does not name"},
	    {ENTRY("01", "{\"displayName\":\"Ann\"}", MOVE), "7", NULL,
		"does not name"},
	    {"{\"items\":[" MOVE "],\"author\":" ANN "}", "7", NULL,
		"without a date"},
	    {"", "7", NULL, "does not say who"},
	    {"7,null,[],\"x\",{\"items\":7}", "7", NULL, "does not say who"},
	};
	struct jira_user own = {.account = "1:own",
	    .key = "JU9",
	    .name = "robot",
	    .shown = "Robot"};

	(void)state;
	for (size_t i = 0; i < NUM(rows); i++) {
		struct jira_move m = {0};
		struct fault f = {""};
		char text[2000];
		cJSON *entries, *status;
		int rc;

		snprintf(text, sizeof(text), "[%s]", rows[i].entries);
		entries = cJSON_Parse(text);
		assert_non_null(entries);
		snprintf(text, sizeof(text),
		    "{\"id\":\"%s\",\"name\":\"Approved\"}", rows[i].status);
		status = cJSON_Parse(text);
		jira_history_add(&m, entries);
		rc = jira_move_is(&m, status, &own, &f);
		if (rc != (rows[i].says == NULL ? 0 : -1))
			fail_msg("row %zu: %d %s", i, rc, f.msg);
		if (rows[i].says == NULL)
			assert_string_equal(m.by.shown, rows[i].who);
		else if (strstr(f.msg, rows[i].says) == NULL)
			fail_msg("row %zu: %s", i, f.msg);
		cJSON_Delete(entries);
		cJSON_Delete(status);
	}
}

/* Half an account is another account: too long is not known. */
static void
long_accounts(void **state)
{
	char text[1000], a[400];
	struct jira_user u;
	cJSON *o;

	(void)state;
	memset(a, 'a', sizeof(a));
	a[sizeof(a) - 1] = '\0';
	snprintf(text, sizeof(text), "{\"accountId\":\"%s\"}", a);
	o = cJSON_Parse(text);
	jira_user_read(&u, o);
	assert_string_equal(u.account, "");
	cJSON_Delete(o);
	o = cJSON_Parse(
	    "{\"accountId\":\"1\",\"displayName\":\"\xe2\x80\xae\"}");
	jira_user_read(&u, o);
	assert_string_equal(u.shown, "\\u{202E} (1)");
	cJSON_Delete(o);
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* A way that others cannot go makes its end unreachable. */
static void
secrets(void **state)
{
	static const struct {
		const char *text;
		mode_t file, dir;
		const char *says;
	} rows[] = {
	    {"u:t\n", 0600, 0755, NULL},
	    {"u:t\r\n", 0640, 0755, NULL},
	    {"u:t", 0644, 0700, NULL},
	    {"u:t\n", 0644, 0755, "open to every user (mode 644)"},
	    {"u:t\n", 0602, 0711, "open to every user (mode 602)"},
	    {"", 0600, 0755, "is empty"},
	    {"\n", 0600, 0755, "is empty"},
	    {"a\nb\n", 0600, 0755, "more than one line"},
	    {"0123456789abcdef0123456789abcdef", 0600, 0755, "more than"},
	};
	char out[32], dir[] = "/tmp/secret.XXXXXX", path[64];
	struct fault f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	for (size_t i = 0; i < NUM(rows); i++) {
		int rc;

		write_file(path, rows[i].text, rows[i].file);
		assert_int_equal(chmod(dir, rows[i].dir), 0);
		rc = secret_file_read(out, sizeof(out), path, &f);
		if (rc != (rows[i].says == NULL ? 0 : -1))
			fail_msg("row %zu: %d %s", i, rc, f.msg);
		if (rc == 0)
			assert_string_equal(out, "u:t");
		else if (strstr(f.msg, rows[i].says) == NULL)
			fail_msg("row %zu: %s", i, f.msg);
		unlink(path);
	}
	rmdir(dir);
	assert_int_equal(secret_file_read(out, sizeof(out), path, &f), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times),
	    cmocka_unit_test(moves),
	    cmocka_unit_test(long_accounts),
	    cmocka_unit_test(secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
