/* quick_conf: see the header. What a value must be, the reader says. */
#include "gateway/command/quick_conf.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

bool
quick_conf_given(const struct quick_conf *q)
{
	return q->num_listen > 0 || q->num_node > 0 || q->cert != NULL ||
	    q->key != NULL || q->anchors != NULL || q->num_crl > 0 ||
	    q->mode != NULL || q->state_dir != NULL || q->num_allow > 0;
}

int
quick_conf_check(const struct quick_conf *q, struct err *err)
{
	const char *missing = q->num_listen == 0 ? "--listen ADDRESS:PORT"
	    : q->num_node == 0                   ? "--node HOST:PORT"
	    : q->cert == NULL                    ? "--cert FILE"
	    : q->anchors == NULL                 ? "--anchors FILE"
						 : NULL;

	if (missing == NULL)
		return 0;
	return err_set(err, E_PARSE,
	    "%s is missing: --listen, --node, --cert and --anchors together "
	    "stand for a configuration file",
	    missing);
}

static void
add_list(cJSON *o, const char *name, const char *const *list, size_t num)
{
	cJSON *a = cJSON_AddArrayToObject(o, name);

	for (size_t i = 0; i < num; i++)
		cJSON_AddItemToArray(a, cJSON_CreateString(list[i]));
}

static cJSON *
add_one(cJSON *o, const char *list, const char *name, const char *value)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, name, value);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(o, list), item);
	return item;
}

static void
add_rules(cJSON *o, const struct quick_conf *q)
{
	cJSON *rules = cJSON_AddArrayToObject(o, "allow");

	for (size_t i = 0; i < q->num_allow; i++) {
		cJSON *rule = cJSON_CreateObject();

		cJSON_AddStringToObject(
		    rule, q->allow[i].condition, q->allow[i].value);
		cJSON_AddItemToArray(rules, rule);
	}
}

char *
quick_conf_text(const struct quick_conf *q)
{
	cJSON *o = cJSON_CreateObject(), *item;
	char *text;

	add_list(o, "listen", q->listen, q->num_listen);
	add_list(cJSON_AddObjectToObject(o, "node"), "addresses", q->node,
	    q->num_node);
	item = add_one(o, "identities", "name", "main");
	cJSON_AddStringToObject(item, "certificate", q->cert);
	if (q->key != NULL)
		cJSON_AddStringToObject(item, "key", q->key);
	item = add_one(o, "trust", "group", "network");
	cJSON_AddStringToObject(item, "anchors", q->anchors);
	if (q->num_allow > 0)
		add_rules(o, q);
	if (q->state_dir != NULL)
		cJSON_AddStringToObject(o, "state_dir", q->state_dir);
	item = cJSON_AddObjectToObject(o, "revocation");
	if (q->mode != NULL)
		cJSON_AddStringToObject(item, "mode", q->mode);
	if (q->num_crl > 0)
		add_list(item, "crl_paths", q->crl, q->num_crl);
	/* Whoever has flags and no file has nobody who would log in: the port
	 * is the kernel's to choose, so that a second gateway starts, too. */
	cJSON_AddStringToObject(
	    cJSON_AddObjectToObject(o, "rest"), "listen", "127.0.0.1:0");
	text = cJSON_Print(o);
	cJSON_Delete(o);
	return text;
}
