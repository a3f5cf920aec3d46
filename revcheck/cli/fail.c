/* fail: what is said on stderr when something does not work. */
#include <stdarg.h>

#include "revcheck/cli/cli.h"
#include "revcheck/cli/progress.h"

/* Any thread may fail; what failed last is asked for on the one that did. */
static _Thread_local char last_failure[640];
static _Thread_local bool is_muted;

void
cli_mute(bool muted)
{
	is_muted = muted;
}

int
cli_fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_failure, sizeof(last_failure), fmt, ap);
	va_end(ap);
	print_plain(last_failure);
	if (is_muted)
		return code;
	progress_clear();
	fprintf(stderr, "revcheck: %s\n", last_failure);
	return code;
}

const char *
cli_last_failure(void)
{
	return last_failure;
}

void
cli_warn(const char *fmt, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_plain(text);
	progress_clear();
	fprintf(stderr, "revcheck: %s\n", text);
}

int
cli_fail_library(const struct revcheck_error *err)
{
	int code;

	switch (err->code) {
	case REVCHECK_E_PARSE:
	case REVCHECK_E_IO:
	case REVCHECK_E_LIMIT:
		code = EXIT_INPUT;
		break;
	case REVCHECK_E_ARG:
		code = EXIT_USAGE;
		break;
	default:
		code = EXIT_SOFTWARE;
	}
	return cli_fail(code, "%s", err->msg);
}
