/* main: calls the command that is named. */
#include <signal.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "revcheck/cli/cli.h"
#include "revcheck/cli/commands.h"
#include "revcheck/cli/progress.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"check", cmd_check},
    {"connect", cmd_connect},
    {"explain", cmd_explain},
    {"crl", cmd_crl},
    {"ocsp", cmd_ocsp},
    {"cache", cmd_cache},
};

/* What a report of a bug begins with. */
static void
print_version(void)
{
	printf("revcheck %s\n%s\n%s\n", REVCHECK_VERSION,
	    OpenSSL_version(OPENSSL_VERSION), curl_version());
	printf("libevent/%s cJSON/%s SQLite/%s\n", event_get_version(),
	    cJSON_Version(), sqlite3_libversion());
}

/* For who compares: `--list-commands`, `--list-options COMMAND`. */
static int
list_commands(void)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		puts(commands[i].name);
	return 0;
}

static int
run_command(const char *name, int argc, char **argv)
{
	int rc;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		rc = commands[i].run(argc, argv);
		return rc == OPT_DEALT_WITH ? 0 : rc;
	}
	return cli_fail(EXIT_USAGE,
	    "unknown %s '%s'; the commands are check, connect, explain, crl, "
	    "ocsp and cache",
	    name[0] == '-' ? "option" : "command", name);
}

static int
run(int argc, char **argv)
{
	if (argc < 2) {
		help_print(stderr, NULL);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		print_version();
		return 0;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return help_print(stdout, argc > 2 ? argv[2] : NULL);
	if (strcmp(argv[1], "--list-commands") == 0)
		return list_commands();
	if (strcmp(argv[1], "--list-options") == 0 && argc > 2)
		return run_command(argv[2], 1, argv + 1);
	return run_command(argv[1], argc - 2, argv + 2);
}

int
main(int argc, char **argv)
{
	int rc;

	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return cli_fail(EXIT_SOFTWARE, "cannot start libcurl");
	progress_start();
	rc = run(argc, argv);
	curl_global_cleanup();
	if (fflush(stdout) != 0)
		rc = cli_fail(EXIT_SOFTWARE, "cannot write to stdout");
	return rc;
}
