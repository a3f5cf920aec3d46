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

int
engine_start(struct revcheck **out, const struct conf *base,
    const struct section_store *sections, const struct log *log,
    struct err *err)
{
	struct effective_options options;
	struct effective_input in;
	struct revcheck_error why;
	int rc;

	effective_input_of(&in, base, sections);
	rc = effective_options(&options, &in, err);
	if (rc != 0)
		return rc;
	options.options.size = sizeof(options.options);
	options.options.log = engine_log;
	options.options.log_arg = (void *)(uintptr_t)log;
	options.options.log_level = (int)log->level;
	rc = revcheck_new(out, &options.options, &why);
	effective_options_cleanup(&options);
	return rc == 0
	    ? 0
	    : err_set(err, rc, "cannot start the engine: %s", why.msg);
}
