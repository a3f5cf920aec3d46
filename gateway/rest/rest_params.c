/* rest_params: see the header. */
#include "gateway/rest/rest_params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cache/base/text.h"
#include "gateway/rest/rest_takes.h"
#include "gateway/rest/rest_words.h"

static bool
refuse(struct rest_request *req, const char *name, const char *expected)
{
	char reason[800];

	snprintf(reason, sizeof(reason), "%s: expected %s", name, expected);
	rest_reply_error(req, 400, "Invalid input data.", "cause", "query",
	    "reason", reason, NULL);
	return false;
}

static bool
whole_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

bool
rest_param_number(struct rest_request *req, const char *name, uint64_t *out)
{
	char *text = rest_query(req, name);
	bool ok = text == NULL || whole_number(text, out);

	if (text == NULL || !ok)
		*out = 0;
	free(text);
	return ok || refuse(req, name, "a whole number");
}

bool
rest_param_time(struct rest_request *req, const char *name, time_t *out)
{
	char *text = rest_query(req, name);
	uint64_t sec;
	bool ok = true;

	*out = 0;
	if (text != NULL && whole_number(text, &sec) && sec <= INT32_MAX * 4ULL)
		*out = (time_t)sec;
	else if (text != NULL)
		ok = text_time_parse(out, text);
	free(text);
	return ok ||
	    refuse(req, name,
		"a time like 2026-11-22T03:00:00Z, or seconds since 1970");
}

bool
rest_param_word(struct rest_request *req, const char *name, unsigned *out)
{
	const struct rest_words *words =
	    rest_words_of(req->takes != NULL ? req->takes->pattern : "", name);
	unsigned num = words != NULL ? words->num : 0;
	char *text = rest_query(req, name), all[700] = "one of";
	size_t len = strlen(all);

	*out = 0;
	for (unsigned i = 0; text != NULL && i < num; i++) {
		const char *w = words->word(i);
		int n;

		if (w[0] == '\0')
			continue;
		if (strcasecmp(w, text) == 0)
			*out = i + 1;
		n = snprintf(all + len, sizeof(all) - len, " '%s'", w);
		if (n > 0 && (size_t)n < sizeof(all) - len)
			len += (size_t)n;
	}
	if (text == NULL || *out != 0) {
		free(text);
		return true;
	}
	free(text);
	return refuse(req, name, all);
}
