/* check: `revcheck check`, one chain in a file, or many. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "revcheck/cli/batch.h"
#include "revcheck/cli/commands.h"
#include "revcheck/cli/single.h"

/* Files to be checked; the words are borrowed, lines of lists are owned. */
struct names {
	const char **v;
	size_t num, cap;
	char **lines;
	size_t num_lines;
	bool listed; /* a list was given, however long */
};

static int
add_name(struct names *n, const char *name)
{
	const char **v;

	if (n->num == n->cap) {
		n->cap = n->cap == 0 ? 64 : n->cap * 2;
		v = realloc(n->v, n->cap * sizeof(char *));
		if (v == NULL)
			return cli_fail(EXIT_SOFTWARE, "out of memory");
		n->v = v;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	n->v[n->num++] = name;
	return 0;
}

/* Of a list that is read otherwise, names would be passed over in silence. */
static int
check_list(const char *path, const char *data, size_t len)
{
	if (strlen(data) != len)
		return cli_fail(EXIT_INPUT,
		    "'%s' has a NUL: expected names of files, one a line",
		    path);
	for (const char *cr = data; (cr = strchr(cr, '\r')) != NULL; cr++)
		if (cr[1] != '\n' && cr[1] != '\0')
			return cli_fail(EXIT_INPUT,
			    "'%s' has a CR within a line: expected names of "
			    "files, one a line",
			    path);
	return 0;
}

/* A name a line; blank lines and those that begin with # are none. */
static int
add_list(struct names *n, const char *path, struct input *in)
{
	unsigned char *data;
	char *line, *rest, **lines;
	size_t len;
	int rc = input_read(&data, &len, path, in);

	if (rc == 0 && (rc = check_list(path, (char *)data, len)) != 0)
		free(data);
	if (rc != 0)
		return rc;
	n->listed = true;
	lines = realloc(n->lines, (n->num_lines + 1) * sizeof(char *));
	if (lines == NULL) {
		free(data);
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	}
	n->lines = lines;
	n->lines[n->num_lines++] = (char *)data;
	rest = (char *)data;
	while (rc == 0 && (line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			rc = add_name(n, line);
	}
	return rc;
}

static void
names_cleanup(struct names *n)
{
	for (size_t i = 0; i < n->num_lines; i++)
		free(n->lines[i]);
	free(n->lines);
	free(n->v);
}

static int
collect(struct names *n, struct opt *table, const char *const *words,
    int num_words, struct input *in)
{
	struct opt *chains = opt_get(table, "--chain"),
		   *lists = opt_get(table, "--list");
	int rc = 0;

	for (int i = 0; rc == 0 && i < chains->count; i++)
		rc = add_name(n, chains->values[i]);
	for (int i = 0; rc == 0 && i < num_words; i++)
		rc = add_name(n, words[i]);
	for (int i = 0; rc == 0 && i < lists->count; i++)
		rc = add_list(n, lists->values[i], in);
	if (rc == 0 && n->num == 0 && n->listed)
		rc = cli_fail(EXIT_INPUT, "the list names no file");
	else if (rc == 0 && n->num == 0)
		rc = cli_fail(EXIT_USAGE,
		    "give a file with a chain, the leaf first (or option "
		    "'--chain')");
	return rc;
}

static int
check_one(struct ask *a, const char *path)
{
	struct single s = {.ask = a};
	cJSON *json;
	int rc = input_chain(&s.chain, path, &a->input);

	if (rc == 0)
		rc = single_ask(&s);
	if (rc != 0)
		goto out;
	if (a->json) {
		json = single_json(&s);
		rc = json != NULL ? print_document(json) : EXIT_SOFTWARE;
		cJSON_Delete(json);
	} else {
		answer_print(stdout, &s.answer, a);
		single_print_more(stdout, &s);
	}
	if (rc == 0)
		rc = single_end(&s);
out:
	single_cleanup(&s);
	return rc;
}

/* How several are told; false: an exit status was set. */
static int
batch_form(struct batch *b, struct opt *table)
{
	uint64_t jobs = BATCH_JOBS;

	if (opt_exclude(table, "--csv", "--jsonl") != 0 ||
	    opt_exclude(table, "--csv", "--json") != 0 ||
	    opt_exclude(table, "--json", "--jsonl") != 0 ||
	    opt_number(table, "--jobs", 1, BATCH_MAX_JOBS, &jobs) != 0)
		return EXIT_USAGE;
	b->jobs = (size_t)jobs;
	b->form = opt_given(table, "--csv") ? BATCH_CSV
	    : opt_given(table, "--jsonl")   ? BATCH_JSONL
	    : opt_given(table, "--json")    ? BATCH_JSON
					    : BATCH_TEXT;
	return 0;
}

int
cmd_check(int argc, char **argv)
{
	struct opt table[] = {OPT_VALUES("--chain", "FILE"),
	    OPT_VALUES("--list", "FILE"), OPT_FLAG("--csv"),
	    OPT_FLAG("--jsonl"), OPT_VALUE("--jobs", "N"), ASK_OPTIONS, {0}};
	const char **words = calloc((size_t)argc + 1, sizeof(char *));
	struct names names = {0};
	struct ask a = {0};
	struct batch b = {.ask = &a};
	int rc, num;

	if (words == NULL)
		return cli_fail(EXIT_SOFTWARE, "out of memory");
	rc = opt_parse("check", table, argc, argv, words, argc, &num);
	if (rc == 0)
		rc = batch_form(&b, table);
	if (rc == 0)
		rc = collect(&names, table, words, num, &a.input);
	if (rc != 0)
		goto early;
	rc = ask_init(&a, table, false);
	if (rc != 0)
		goto out;
	b.names = names.v;
	b.num = names.num;
	if (names.num == 1 && !names.listed && b.form != BATCH_CSV &&
	    b.form != BATCH_JSONL)
		rc = check_one(&a, names.v[0]);
	else if (a.urls)
		rc = cli_fail(
		    EXIT_USAGE, "option '--urls' is for one chain at a time");
	else
		rc = batch_run(&b);
out:
	ask_cleanup(&a);
early:
	names_cleanup(&names);
	free(words);
	return rc;
}
