/* rest_words: see the header. */
#include "gateway/rest/rest_words.h"

#include <string.h>

#include "gateway/observe/decision_ring.h"
#include "gateway/rest/source_report.h"
#include "revcheck/revcheck.h"

static const char *
outcome_word(unsigned i)
{
	return decision_choice_name((enum decision_choice)i);
}

static const char *
way_word(unsigned i)
{
	return decision_way_name((enum decision_way)i);
}

static const char *
why_word(unsigned i)
{
	return revcheck_why_name((enum revcheck_why)i);
}

static const char *
state_word(unsigned i)
{
	return source_state_name((enum source_state)i);
}

static const char *
kind_word(unsigned i)
{
	return i == 0 ? "crl" : "ocsp";
}

static const struct rest_words table[] = {
    /* Only the first two ways are connections. */
    {"connections", "way", way_word, DECISION_OUTBOUND + 1},
    {NULL, "way", way_word, DECISION_NUM_WAYS},
    {NULL, "outcome", outcome_word, DECISION_NUM_CHOICES},
    {NULL, "status", decision_status_name, DECISION_NUM_STATUSES},
    {NULL, "why", why_word, REVCHECK_NUM_WHY},
    {NULL, "state", state_word, SOURCE_NUM_STATES},
    {NULL, "kind", kind_word, 2},
};

const struct rest_words *
rest_words_of(const char *pattern, const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0 &&
		    (table[i].pattern == NULL ||
			strcmp(table[i].pattern, pattern) == 0))
			return &table[i];
	return NULL;
}
