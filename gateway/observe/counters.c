/* counters: the names and words of what is counted. */
#include "gateway/observe/counters.h"

static const struct {
	const char *name, *help;
} counters_rows[] = {
#define COUNTER_ROW_TEXT(id, name, help) {name, help},
    COUNTERS_LIST(COUNTER_ROW_TEXT)
#undef COUNTER_ROW_TEXT
#define COUNTER_ROW_TEXT(status, help) \
	{"http_refused_" #status, "requests refused with " #status ": " help},
	COUNTER_HTTP_REFUSALS(COUNTER_ROW_TEXT)
#undef COUNTER_ROW_TEXT
};

const char *
counter_name(enum counter c)
{
	return (unsigned)c < NUM_COUNTERS ? counters_rows[c].name : "?";
}

const char *
counter_help(enum counter c)
{
	return (unsigned)c < NUM_COUNTERS ? counters_rows[c].help : "?";
}
