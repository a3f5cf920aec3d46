/* main: calls the command that is named. */
#include <signal.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "revcheck/cli/cli.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"check", cmd_check},
    {"connect", cmd_connect},
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
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	return cli_fail(EXIT_USAGE,
	    "unknown %s '%s'; the commands are check, connect, crl, ocsp and "
	    "cache",
	    argv[1][0] == '-' ? "option" : "command", argv[1]);
}

int
main(int argc, char **argv)
{
	int rc;

	signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return cli_fail(EXIT_SOFTWARE, "cannot start libcurl");
	rc = run(argc, argv);
	curl_global_cleanup();
	if (fflush(stdout) != 0)
		rc = cli_fail(EXIT_SOFTWARE, "cannot write to stdout");
	return rc;
}
