/*
 * Every path that REST serves, and who may use it: whatever table a handler
 * is in, what changes something is not for readers, a node may ask and
 * nothing else, and two paths are for everybody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/rest/rest_path.h"
#include "gateway/rest/rest_routes.h"
#include "gateway/rest/rest_takes.h"

#define MAX_ROUTES 200

static const struct rest_route *routes[MAX_ROUTES];
static size_t num_routes;

static int
gather(void **state)
{
	(void)state;
	for (size_t i = 0; rest_routes[i] != NULL; i++)
		for (const struct rest_route *r = rest_routes[i];
		     r->fn != NULL && num_routes < MAX_ROUTES; r++)
			routes[num_routes++] = r;
	return num_routes < MAX_ROUTES ? 0 : -1;
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/*
 * What the status page is made of, or says to whom may not see it: whoever has
 * a password is answered. Its script and its state are for readers.
 */
static bool
is_page_file(const struct rest_route *r)
{
	static const char *const files[] = {
	    "", "ui", "ui/page.css", "ui/icon.svg", "ui/logout"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (r->method == REST_GET && strcmp(r->pattern, files[i]) == 0)
			return true;
	return false;
}

/* What a role is for, from the method and the path alone. */
static unsigned
roles_due(const struct rest_route *r)
{
	if (strcmp(r->pattern, "healthz") == 0)
		return 0;
	if (strcmp(r->pattern, "readyz") == 0)
		return REST_ANYBODY | CONF_ROLE_READ;
	if (begins(r->pattern, "revocation/check") ||
	    strcmp(r->pattern, "ui/check") == 0)
		return CONF_ROLE_CHECK | CONF_ROLE_OPERATE;
	if (strcmp(r->pattern, "openapi.json") == 0)
		return CONF_ROLE_READ | CONF_ROLE_CHECK;
	if (is_page_file(r))
		return CONF_ROLE_READ | CONF_ROLE_OPERATE | CONF_ROLE_CHECK;
	if (strcmp(r->pattern, "revocation/events") == 0)
		return CONF_ROLE_CHECK | CONF_ROLE_READ | CONF_ROLE_OPERATE;
	return r->method == REST_GET ? CONF_ROLE_READ : CONF_ROLE_OPERATE;
}

static void
every_path_asks_for_its_role(void **state)
{
	/* All tables were seen. */
	assert_true(num_routes >= 40);
	for (size_t i = 0; i < num_routes; i++)
		if (routes[i]->roles != roles_due(routes[i]))
			fail_msg("%d %s: roles %#x, expected %#x",
			    routes[i]->method, routes[i]->pattern,
			    routes[i]->roles, roles_due(routes[i]));
}

/* Two handlers for the same request would be one too many. */
static void
no_path_is_there_twice(void **state)
{
	for (size_t i = 0; i < num_routes; i++)
		for (size_t k = 0; k < i; k++)
			if (routes[i]->method == routes[k]->method &&
			    strcmp(routes[i]->pattern, routes[k]->pattern) == 0)
				fail_msg(
				    "%s is there twice", routes[i]->pattern);
}

/* A pattern with more parameters than a request holds would lose one. */
static void
parameters_fit(void **state)
{
	for (size_t i = 0; i < num_routes; i++) {
		size_t num = 0;

		for (const char *p = routes[i]->pattern; *p != '\0'; p++)
			num += *p == '{';
		assert_true(num <= REST_MAX_PARAMS);
	}
}

/*
 * What is ours says which names it takes. The others are Corda's, or asked by
 * monitors, which add to a path what they like.
 */
static bool
takes_what_comes(const struct rest_route *r)
{
	static const char *const corda[] = {
	    "config", "key", "certificate", "network/", "membership/", "mgm/"};
	static const char *const probed[] = {
	    "healthz", "readyz", "metrics", "openapi.json"};

	if (strcmp(r->pattern, "revocation/check") == 0 ||
	    strcmp(r->pattern, "ui/check") == 0 || is_page_file(r) ||
	    strcmp(r->pattern, "ui/page.js") == 0)
		return true;
	/* Ours beside Corda's PUT. */
	if (r->method == REST_GET &&
	    (begins(r->pattern, "network/setup") ||
		begins(r->pattern, "membership")))
		return false;
	for (size_t i = 0; i < sizeof(probed) / sizeof(probed[0]); i++)
		if (r->method == REST_GET && begins(r->pattern, probed[i]))
			return true;
	for (size_t i = 0; i < sizeof(corda) / sizeof(corda[0]); i++)
		if (begins(r->pattern, corda[i]) &&
		    strstr(r->pattern, "/restore") == NULL)
			return true;
	return false;
}

static void
every_path_of_ours_knows_its_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < num_routes; i++)
		if ((rest_takes_of(routes[i]) == NULL) !=
		    takes_what_comes(routes[i]))
			fail_msg("%d %s", (int)routes[i]->method,
			    routes[i]->pattern);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_path_asks_for_its_role),
	    cmocka_unit_test(every_path_of_ours_knows_its_names),
	    cmocka_unit_test(no_path_is_there_twice),
	    cmocka_unit_test(parameters_fit),
	};

	return cmocka_run_group_tests_name("routes", tests, gather, NULL);
}
