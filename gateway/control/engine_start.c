/* engine_start: see the header. */
#include "gateway/control/engine_start.h"

#include <stdint.h>

#include "gateway/control/effective.h"

static void
engine_log(void *arg, int level, const char *line)
{
	const struct log *log = arg;

	if (level <= (int)log->level)
		log->fn(log->arg, (enum log_level)level, line);
}

/* Sections NULL: none. */
static int
options_of(struct effective_options *out, const struct conf *base,
    const struct section_store *sections, struct err *err)
{
	struct effective_input in = {.base = base};
	int rc;

	if (sections != NULL)
		effective_input_of(&in, base, sections);
	rc = effective_options(out, &in, err);
	if (rc == 0)
		out->options.size = sizeof(out->options);
	return rc;
}

int
engine_check(const struct conf *base, const struct section_store *sections,
    struct err *err)
{
	struct effective_options options;
	struct revcheck_error why;
	int rc = options_of(&options, base, sections, err);

	if (rc != 0)
		return rc;
	rc = revcheck_check_options(&options.options, &why);
	effective_options_cleanup(&options);
	return rc == 0
	    ? 0
	    : err_set(err, rc, "cannot start the engine: %s", why.msg);
}

int
engine_start(struct revcheck **out, const struct conf *base,
    const struct section_store *sections, const struct log *log,
    struct err *err)
{
	struct effective_options options;
	struct revcheck_error why;
	int rc = options_of(&options, base, sections, err);

	if (rc != 0)
		return rc;
	options.options.log = engine_log;
	options.options.log_arg = (void *)(uintptr_t)log;
	options.options.log_level = (int)log->level;
	rc = revcheck_new(out, &options.options, &why);
	effective_options_cleanup(&options);
	return rc == 0
	    ? 0
	    : err_set(err, rc, "cannot start the engine: %s", why.msg);
}
