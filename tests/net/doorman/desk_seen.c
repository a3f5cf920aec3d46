/* Who is at the signer's desk is seen by `doorman status`, while they are. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/doorman/signer_client.h"

/* The line of the desk; free it. */
static char *
desk(struct doorman_net *o)
{
	const char *argv[] = {"status", "-c", o->conf, NULL};
	char *out, *line;

	(void)doorman_net_run(o, "doorman", NULL, &out, argv);
	line = strstr(out, "\ndesk ");
	if (line == NULL)
		fail_msg("no desk in: %s", out);
	line = xasprintf("%.*s", (int)strcspn(line + 1, "\n"), line + 1);
	free(out);
	return line;
}

static void
desk_is(struct doorman_net *o, const char *want)
{
	char *line = desk(o);

	if (strstr(line, want) == NULL)
		fail_msg("not '%s': %s", want, line);
	free(line);
}

static void
the_signer_is_named_until_it_leaves(void **state)
{
	char *me = xasprintf(" uid %ld", (long)getuid());
	struct signer_client s;
	struct doorman_net o;

	(void)state;
	doorman_net_init(&o, "seen", NULL, NULL);
	doorman_net_start(&o);
	desk_is(&o, " free");
	signer_client_open(&s, &o);
	/* Who has not said HELLO is not at the desk. */
	desk_is(&o, " free");
	signer_client_hello(&s);
	desk_is(&o, me);
	signer_client_leave(&s);
	desk_is(&o, " free");
	/* One that is there when the service dies is not there any more. */
	signer_client_open(&s, &o);
	signer_client_hello(&s);
	desk_is(&o, me);
	kill(o.serve.pid, SIGKILL);
	assert_int_equal(proc_wait(&o.serve, WAIT_MS), 128 + SIGKILL);
	proc_cleanup(&o.serve);
	memset(&o.serve, 0, sizeof(o.serve));
	signer_client_close(&s);
	doorman_net_start(&o);
	desk_is(&o, " free");
	doorman_net_free(&o);
	free(me);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_signer_is_named_until_it_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
