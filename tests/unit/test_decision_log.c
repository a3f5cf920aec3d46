/*
 * decision_log: which of the two logs a line goes to. Peers that are not let
 * in have one of their own, so that they take nobody's room but each other's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cache/base/log.h"
#include "gateway/conf/conf.h"
#include "gateway/dataplane/conn.h"
#include "gateway/dataplane/decision_log.h"
#include "gateway/dataplane/runtime.h"
#include "gateway/dataplane/worker.h"

static char ordinary[1024], strangers[1024];

static void
keep(void *arg, enum log_level level, const char *line)
{
	(void)level;
	strncpy(arg, line, sizeof(ordinary) - 1);
}

/* Where what is recorded about such a connection goes: 'o', 's' or ' '. */
static char
line_of(bool inbound, bool allowed, bool cut)
{
	static const struct log logs[] = {
	    {.fn = keep, .arg = ordinary, .level = LOG_LEVEL_DEBUG},
	    {.fn = keep, .arg = strangers, .level = LOG_LEVEL_DEBUG},
	};
	struct conf *conf = calloc(1, sizeof(*conf));
	struct runtime *runtime = calloc(1, sizeof(*runtime));
	struct worker *w = calloc(1, sizeof(*w));
	struct conn *c = calloc(1, sizeof(*c));
	char which;

	assert_true(conf && runtime && w && c);
	conf->tls.mode = REVCHECK_MODE_OFF;
	runtime->conf = conf;
	w->log = &logs[0];
	w->strangers = &logs[1];
	*c = (struct conn){.inbound = inbound, .worker = w, .runtime = runtime};
	memset(ordinary, 0, sizeof(ordinary));
	memset(strangers, 0, sizeof(strangers));
	if (cut)
		decision_log_cut(c, NULL, ADMISSION_PATH, "why");
	else
		decision_log_record(c, allowed, NULL, "why");
	which = ordinary[0] != '\0' ? 'o' : strangers[0] != '\0' ? 's' : ' ';
	assert_true(ordinary[0] == '\0' || strangers[0] == '\0');
	free(c);
	free(w);
	free(runtime);
	free(conf);
	return which;
}

static void
who_is_not_let_in_has_a_log_apart(void **state)
{
	(void)state;
	assert_int_equal(line_of(true, false, false), 's');
	assert_non_null(strstr(strangers, "refused inbound peer"));
	assert_int_equal(line_of(true, true, false), 'o');
	/* Whom the node dials, and who was in, is no stranger. */
	assert_int_equal(line_of(false, false, false), 'o');
	assert_int_equal(line_of(true, false, true), 'o');
	assert_non_null(strstr(ordinary, "cutting off inbound peer"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_is_not_let_in_has_a_log_apart),
	};

	return cmocka_run_group_tests_name("decision_log", tests, NULL, NULL);
}
