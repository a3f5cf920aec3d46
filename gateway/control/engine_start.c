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

#define MAX_FIELDS 32

static void
field_of(struct log_field *out, const struct revcheck_log_field *f)
{
	*out = (struct log_field){.key = f->key};
	switch (f->kind) {
	case REVCHECK_LOG_TEXT:
		out->text = f->text;
		break;
	case REVCHECK_LOG_INTEGER:
		out->kind = LOG_INTEGER;
		out->integer = f->integer;
		break;
	case REVCHECK_LOG_UNSIGNED:
		out->kind = LOG_UNSIGNED;
		out->number = f->number;
		break;
	case REVCHECK_LOG_REAL:
		out->kind = LOG_REAL;
		out->real = f->real;
		break;
	case REVCHECK_LOG_BOOL:
		out->kind = LOG_BOOL;
		out->flag = f->integer != 0;
		break;
	}
}

static void
engine_log_record(void *arg, const struct revcheck_log_record *r)
{
	const struct log *log = arg;
	struct log_field fields[MAX_FIELDS];
	struct log_record out = {.level = (enum log_level)r->level,
	    .event = r->event,
	    .message = r->message,
	    .fields = fields};

	if (r->level > (int)log->level)
		return;
	for (; out.num < r->num_fields && out.num < MAX_FIELDS; out.num++)
		field_of(&fields[out.num], &r->fields[out.num]);
	log->record(log->arg, &out);
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
	if (log->record != NULL)
		options.options.log_record = engine_log_record;
	options.options.log_arg = (void *)(uintptr_t)log;
	options.options.log_level = (int)log->level;
	rc = revcheck_new(out, &options.options, &why);
	effective_options_cleanup(&options);
	return rc == 0
	    ? 0
	    : err_set(err, rc, "cannot start the engine: %s", why.msg);
}
