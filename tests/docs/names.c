/*
 * names: prints what the manual must have, from the tables that the gateway
 * works by.
 *
 *   names keys        p2p-gateway.conf(5)'s lists of keys, in mdoc
 *   names counters    p2p-gateway(8)'s list of counters, in mdoc
 *   names routes      METHOD /path, one a line
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/conf/conf_internal.h"
#include "gateway/observe/counters.h"
#include "gateway/rest/rest_routes.h"

#define WIDTH 78

/*
 * Running text in mdoc: a sentence begins a line, a line does not begin with
 * what mdoc reads as a request, and a backslash is spelt out.
 */
static void
put_text(const char *text)
{
	size_t col = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");
		bool ends = n > 1 && text[n - 1] == '.' && text[n] == ' ';

		if (col > 0 && col + 1 + n > WIDTH) {
			putchar('\n');
			col = 0;
		}
		if (col > 0)
			col += (size_t)printf(" ");
		else if (*text == '.' || *text == '\'')
			printf("\\&");
		for (size_t i = 0; i < n; i++)
			printf(text[i] == '\\' ? "\\e" : "%c", text[i]);
		col += n;
		text += n + (text[n] == ' ');
		if (ends) {
			putchar('\n');
			col = 0;
		}
	}
	putchar('\n');
}

static const char *
shape_name(const struct conf_key *k)
{
	switch (k->kind) {
	case CONF_KIND_BOOL:
	case CONF_KIND_FLAG:
		return "true or false";
	case CONF_KIND_TEXT:
		return "text";
	case CONF_KIND_PATH:
		return "path";
	case CONF_KIND_TEXTS:
		return "array of texts";
	case CONF_KIND_PORTS:
		return "array of ports";
	case CONF_KIND_LISTEN:
		return "address to listen on";
	case CONF_KIND_PEERS:
		return "array of addresses";
	case CONF_KIND_GROUP:
		return "object";
	case CONF_KIND_LIST:
		return "array of objects";
	case CONF_KIND_CUSTOM:
		return k->unit;
	default:
		return NULL;
	}
}

static size_t
shape_words(char *buf, size_t size, const struct conf_key *k)
{
	size_t len = (size_t)snprintf(
	    buf, size, k->kind == CONF_KIND_BITS ? "array of" : "");

	for (size_t i = 0; k->words[i].word != NULL; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
		    i > 0         ? ", "
			: len > 0 ? " "
				  : "",
		    k->words[i].word);
	return len;
}

/* A text without its quotes. */
static size_t
shape_default(char *buf, size_t size, const struct conf_key *k)
{
	size_t quoted = *k->dflt == '"';

	return (size_t)snprintf(buf, size, " [%.*s]",
	    (int)(strlen(k->dflt) - 2 * quoted), k->dflt + quoted);
}

/* "0 to 86400 s [300]." */
static void
put_shape(const struct conf_key *k)
{
	const char *name = shape_name(k);
	char buf[512];
	size_t len;

	if (name != NULL)
		len = (size_t)snprintf(buf, sizeof(buf), "%s", name);
	else if (k->words != NULL)
		len = shape_words(buf, sizeof(buf), k);
	else if (k->max == CONF_NO_MAX)
		len = (size_t)snprintf(
		    buf, sizeof(buf), "%lld or more", (long long)k->min);
	else
		len = (size_t)snprintf(buf, sizeof(buf), "%lld to %lld",
		    (long long)k->min, (long long)k->max);
	if (k->unit != NULL && k->unit != name)
		len += (size_t)snprintf(
		    buf + len, sizeof(buf) - len, " %s", k->unit);
	if (k->flags & CONF_REQUIRED)
		len += (size_t)snprintf(
		    buf + len, sizeof(buf) - len, ", required");
	if (k->dflt != NULL && strcmp(k->dflt, "null") != 0 &&
	    !(k->flags & CONF_ALIAS))
		len += shape_default(buf + len, sizeof(buf) - len, k);
	snprintf(buf + len, sizeof(buf) - len, ".");
	put_text(buf);
}

/* A sentence of its own. */
static void
put_help(const char *help)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s.", help);
	if (*text >= 'a' && *text <= 'z')
		*text = (char)(*text & ~0x20);
	put_text(text);
}

/* before: what stands in front of the name, for elements of a list. */
static void
put_key(const struct conf_key *k, const char *before, const char *name)
{
	printf(".It Ic %s%s\n", before, name);
	put_shape(k);
	put_help(k->help);
	if (k->flags & CONF_RESTART)
		printf("At the next start.\n");
}

static void
put_items(const struct conf_key *k, const char *name, bool pushed)
{
	char before[80];

	snprintf(before, sizeof(before), "%s[].", name);
	for (const struct conf_key *i = k->items; !conf_key_ends(i); i++)
		put_key(i, before, pushed ? i->pushed : i->file);
}

static void
put_file_keys(void)
{
	printf(".Bl -tag -width Ds\n");
	for (const struct conf_key *k = conf_keys; !conf_key_ends(k); k++) {
		if (k->file == NULL)
			continue;
		put_key(k, "", k->file);
		if (k->pushed != NULL)
			printf("In the section\n.Ic %s :\n.Ic %s .\n",
			    section_name(k->section), k->pushed);
		if (k->items != NULL)
			put_items(k, k->file, false);
	}
	printf(".El\n");
}

static void
put_section_keys(enum section_id id)
{
	printf(".Ss %s\n.Bl -tag -width Ds\n", section_name(id));
	for (const struct conf_key *k = conf_keys; !conf_key_ends(k); k++) {
		if (k->pushed == NULL || k->section != id)
			continue;
		if (k->file != NULL)
			printf(".It Ic %s\n.Ic %s\nof the file.\n", k->pushed,
			    k->file);
		else
			put_key(k, "", k->pushed);
		if (k->items != NULL)
			put_items(k, k->pushed, true);
	}
	printf(".El\n");
}

static void
put_keys(void)
{
	printf(".Sh KEYS OF THE FILE\n");
	put_file_keys();
	printf(".Sh KEYS OF THE SECTIONS\n");
	for (enum section_id id = 0; id < SECTION_NUM; id++)
		put_section_keys(id);
}

static void
put_counters(void)
{
	printf(".Bl -tag -width Ds -compact\n");
	for (size_t i = 0; i < NUM_COUNTERS; i++) {
		const struct number *n = &counter_numbers[i];

		printf(".It Li %s", n->metric);
		if (n->label != NULL)
			printf("{%s}", n->label);
		printf(
		    " Em %s\n", n->type == NUMBER_GAUGE ? "gauge" : "counter");
		put_help(n->words != NULL ? n->words : n->help);
	}
	printf(".El\n");
}

static void
put_routes(void)
{
	static const char *const methods[REST_NUM_METHODS] = {
	    [REST_GET] = "GET",
	    [REST_POST] = "POST",
	    [REST_PUT] = "PUT",
	    [REST_DELETE] = "DELETE"};

	for (size_t i = 0; rest_routes[i] != NULL; i++)
		for (const struct rest_route *r = rest_routes[i]; r->fn != NULL;
		     r++)
			printf("%s /%s\n", methods[r->method], r->pattern);
}

int
main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "keys") == 0)
		put_keys();
	else if (strcmp(what, "counters") == 0)
		put_counters();
	else if (strcmp(what, "routes") == 0)
		put_routes();
	else
		return 2;
	return 0;
}
