/*
 * conf_allow: the rules of who may come in, checked and brought to the form in
 * which they are compared. A condition that could never hold as it is written
 * is refused, and so is a rule without any: it would let everybody in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/dn.h"
#include "gateway/base/name_pattern.h"
#include "gateway/conf/conf_internal.h"

static char *
copy_if(bool valid, const char *text)
{
	return valid ? strdup(text) : NULL;
}

static char *
take_dns(const char *text)
{
	return copy_if(name_pattern_dns_valid(text), text);
}

static char *
take_uri(const char *text)
{
	return copy_if(name_pattern_uri_valid(text), text);
}

static char *
take_email(const char *text)
{
	return copy_if(name_pattern_email_valid(text), text);
}

/* As certificates' names are written: blanks after a comma do not matter. */
static char *
take_issuer(const char *text)
{
	X509_NAME *name = dn_parse(text);
	char out[DN_MAX];
	bool fits = name != NULL && dn_name_text(out, name);

	X509_NAME_free(name);
	return fits ? strdup(out) : NULL;
}

static char *
take_path(const char *text)
{
	return copy_if(conf_text_matches(CONF_URL_PATH, text), text);
}

/* Those whose values have a form. */
static const struct form {
	const char *key;
	size_t offset;
	char *(*take)(const char *text); /* malloc'ed; NULL: it is none */
	const char *expected;
} forms[] = {
    {"dns", offsetof(struct conf_allow, dns), take_dns,
	"a DNS name, or \"*.\" before one; letters, digits, '-' and '_'"},
    {"uri", offsetof(struct conf_allow, uri), take_uri,
	"a URI such as \"spiffe://network/peer\"; \"*\" only as a whole "
	"segment of its path, \"**\" as the last"},
    {"email", offsetof(struct conf_allow, email), take_email,
	"\"user@host\" or \"*@host\""},
    {"issuer", offsetof(struct conf_allow, issuer), take_issuer,
	"a subject in RFC 2253 text, such as \"CN=CA,O=Alice\""},
    {"serial", offsetof(struct conf_allow, serial), name_pattern_serial,
	"hexadecimal digits"},
    {"path", offsetof(struct conf_allow, path), take_path,
	"a path: \"/\", then letters, digits, '/', '.' and '-'"},
};

static int
bring_to_form(struct conf_reader *r, const struct conf_place *rule,
    const struct form *f, struct conf_texts *t)
{
	const cJSON *item =
	    cJSON_GetObjectItemCaseSensitive(rule->item, f->key);
	struct conf_place at = {.up = rule, .key = f->key, .item = item};

	for (size_t i = 0; i < t->num; i++) {
		struct conf_place element = {.up = &at, .index = i};
		char *text = f->take(t->list[i]);

		element.item = cJSON_GetArrayItem(item, (int)i);
		if (text == NULL)
			return conf_read_fail(r,
			    cJSON_IsArray(item) ? &element : &at, "%s",
			    f->expected);
		free(t->list[i]);
		t->list[i] = text;
	}
	return 0;
}

static bool
says_nothing(const struct conf_allow *a)
{
	return a->dns.num == 0 && a->uri.num == 0 && a->email.num == 0 &&
	    a->cn.num == 0 && a->ou.num == 0 && a->o.num == 0 &&
	    a->issuer.num == 0 && a->serial.num == 0 && a->listen.num == 0 &&
	    a->path.num == 0;
}

int
conf_allow_read(
    struct conf_reader *r, const struct conf_place *place, void *base)
{
	struct conf *c = base;
	struct conf_allow *a = &c->allow[c->num_allow - 1];
	int rc = 0;

	if (says_nothing(a))
		return conf_read_fail(r, place, "at least one condition");
	for (size_t i = 0; rc == 0 && i < sizeof(forms) / sizeof(forms[0]); i++)
		rc = bring_to_form(r, place, &forms[i],
		    (struct conf_texts *)((char *)a + forms[i].offset));
	return rc;
}

/* Listeners. */

/* "listen", "listen-2", ...: as passed sockets are named. */
static bool
has_name(size_t index, const char *text)
{
	char name[32];

	snprintf(name, sizeof(name), index == 0 ? "listen" : "listen-%zu",
	    index + 1);
	return strcmp(name, text) == 0;
}

static bool
is_meant(const struct conf *c, size_t index, const char *text)
{
	const struct address *l = &c->listeners[index].address;
	struct address a = {0};
	const char *port = text[0] == ':' ? text + 1 : text;
	bool meant;

	if (has_name(index, text) || strcmp(l->text, text) == 0)
		return true;
	if (port[0] != '\0' && strspn(port, "0123456789") == strlen(port))
		return l->path == NULL && l->port != 0 && atoi(port) == l->port;
	if (address_parse(&a, text, true, NULL) != 0)
		return false;
	/* Of port 0 there may be many. */
	meant = a.port != 0 && address_is(l, &a.sa);
	address_cleanup(&a);
	return meant;
}

/* Into *out the texts of the listeners that are meant; false: none is. */
static int
find_listeners(const struct conf *c, const char *text, bool http,
    struct conf_texts *out, bool *found)
{
	*found = false;
	for (size_t i = 0; i < c->num_listeners; i++) {
		char **slot;

		if (!is_meant(c, i, text) || (http && !c->listeners[i].http))
			continue;
		*found = true;
		slot = conf_grow(&out->list, &out->num, sizeof(*slot));
		if (slot == NULL)
			return E_NOMEM;
		*slot = strdup(c->listeners[i].address.text);
		if (*slot == NULL)
			return E_NOMEM;
	}
	return 0;
}

static void
texts_free(struct conf_texts *t)
{
	for (size_t i = 0; i < t->num; i++)
		free(t->list[i]);
	free(t->list);
}

static int
resolve_rule(struct conf *c, struct conf_reader *r, size_t index)
{
	struct conf_allow *a = &c->allow[index];
	struct conf_texts found = {0};
	bool any = false;
	char path[64];
	int rc = 0;

	snprintf(path, sizeof(path), "$.allow[%zu].path", index);
	if (a->path.num > 0 && !c->http.enabled)
		return conf_fail(r, path,
		    "is there: expected $.http beside it, since paths are of "
		    "requests");
	if (a->listen.num == 0)
		return 0;
	snprintf(path, sizeof(path), "$.allow[%zu].listen", index);
	for (size_t i = 0; rc == 0 && i < a->listen.num; i++) {
		rc = find_listeners(
		    c, a->listen.list[i], a->path.num > 0, &found, &any);
		if (rc != 0)
			err_set(r->err, rc, "out of memory");
		else if (!any)
			rc = conf_fail(r, path,
			    "is '%.64s': expected a listener of $.listen or "
			    "$.http.listen%s",
			    a->listen.list[i],
			    a->path.num > 0 ? " that reads requests" : "");
	}
	texts_free(&a->listen);
	a->listen = found;
	return rc;
}

int
conf_resolve_allow(struct conf *c, struct conf_reader *r)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->num_allow; i++)
		rc = resolve_rule(c, r, i);
	return rc;
}
