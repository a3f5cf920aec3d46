/*
 * fleet_check against real etcd nodes that are set up wrongly: each fault is
 * named in a sentence that says what to do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/fleet/fleet_check.h"
#include "tests/lib/etcd.h"

/* All that was said, a line each: "+" what is good, "-" what is not. */
static char said[8192];

static void
say(void *arg, bool good, const char *sentence)
{
	size_t at = strlen(said);

	snprintf(
	    said + at, sizeof(said) - at, "%s%s\n", good ? "+" : "-", sentence);
}

/* Files by name in e's directory. */
struct setup {
	const char *ca, *certificate;
	const char *user, *password;
	const char *const *endpoints; /* NULL: e's */
	const char *name;
};

static int
check(const struct etcd *e, const struct setup *s)
{
	char *ca = s->ca != NULL ? etcd_path(e, s->ca) : NULL;
	char *cert = NULL, *key = NULL, *password = NULL;
	struct fleet_link_options o = {.request_timeout_ms = 10000};
	struct err err = {0};
	int rc;

	if (s->certificate != NULL) {
		cert = xasprintf("%s/%s.pem", e->dir, s->certificate);
		key = xasprintf("%s/%s.key", e->dir, s->certificate);
	}
	if (s->user != NULL) {
		password = etcd_path(e, "asked.password");
		file_write(password, s->password, strlen(s->password));
	}
	o.name = s->name != NULL ? s->name : "eu";
	o.endpoints =
	    s->endpoints != NULL ? s->endpoints : (const char *const *)e->urls;
	o.ca_file = ca;
	o.certificate = cert;
	o.key = key;
	o.user = s->user;
	o.password_file = password;
	said[0] = '\0';
	rc = fleet_check(&o, say, NULL, &err);
	printf("# %d\n", rc);
	for (char *l = said; *l != '\0'; l += strcspn(l, "\n") + 1)
		printf("# %.*s\n", (int)strcspn(l, "\n"), l);
	if (rc != 0)
		assert_true(err.msg[0] != '\0');
	/* Whatever happens, the password is in no sentence. */
	if (s->user != NULL)
		assert_null(strstr(said, s->password));
	free(ca);
	free(cert);
	free(key);
	free(password);
	return rc;
}

static void
must_say(const char *text)
{
	if (strstr(said, text) == NULL)
		fail_msg("'%s' is not said in:\n%s", text, said);
}

#define GOOD_TLS .ca = "etcd-ca.pem", .certificate = "member"

static void
plain(void **state)
{
	static const char *const off[] = {"--enable-grpc-gateway=false", NULL};
	static const char *const nobody[] = {"http://127.0.0.1:1", NULL};
	static const char *const elsewhere[] = {"http://10.1.1.1:1", NULL};
	const char *half[3] = {"http://127.0.0.1:1"};
	struct etcd e;
	char *left;

	etcd_start(&e, "good", &(struct etcd_options){.nodes = 1});
	assert_int_equal(check(&e, &(struct setup){.ca = NULL}), 0);
	must_say("+it was deleted");
	/* Nothing is left of it. */
	left = etcd_ctl(&e, "get", "--prefix", "--keys-only", "/", NULL);
	assert_string_equal(left, "");
	free(left);
	assert_true(check(&e, &(struct setup){.endpoints = nobody}) != 0);
	must_say("nobody listens there");
	must_say("-no endpoint can be used");
	assert_true(check(&e, &(struct setup){.endpoints = elsewhere}) != 0);
	must_say("not https");
	/* One of two is a fault, and the other is tried out. */
	half[1] = e.urls[0];
	assert_true(check(&e, &(struct setup){.endpoints = half}) != 0);
	must_say("+it was deleted");
	etcd_stop(&e);

	etcd_start(&e, "off", &(struct etcd_options){.extra = off});
	assert_true(check(&e, &(struct setup){.ca = NULL}) != 0);
	must_say("enable-grpc-gateway: true");
	etcd_stop(&e);
}

static void
full(void **state)
{
	static const char *const quota[] = {
	    "--quota-backend-bytes", "1000000", NULL};
	char *much = xcalloc(1, 100001);
	struct etcd e;

	etcd_start(&e, "full", &(struct etcd_options){.extra = quota});
	memset(much, 'x', 100000);
	for (int i = 0; check(&e, &(struct setup){.ca = NULL}) == 0; i++) {
		const char *put[] = {"put", "/elsewhere", much, NULL};

		assert_true(i < 50);
		/* The last of them is refused. */
		free(etcd_ctl_try(&e, put));
	}
	must_say("its quota is used up");
	free(much);
	etcd_stop(&e);
}

static void
certificates(void **state)
{
	struct etcd e;

	etcd_start(&e, "tls", &(struct etcd_options){.tls = true});
	assert_int_equal(check(&e, &(struct setup){GOOD_TLS}), 0);
	assert_true(check(&e,
			&(struct setup){.ca = "other-ca.pem",
			    .certificate = "member"}) != 0);
	must_say("not from the CA in 'ca_file'");
	assert_true(check(&e, &(struct setup){.ca = "etcd-ca.pem"}) != 0);
	must_say("'certificate' and 'key'");
	assert_true(check(&e,
			&(struct setup){
			    .ca = "etcd-ca.pem", .certificate = "none"}) != 0);
	must_say("'certificate' cannot be read");
	assert_true(check(&e,
			&(struct setup){.ca = "etcd-ca.pem",
			    .certificate = "other-ca"}) != 0);
	must_say("CA of its --trusted-ca-file");
	assert_true(
	    check(&e, &(struct setup){.ca = "none", .certificate = "member"}) !=
	    0);
	must_say("'ca_file' cannot be read");
	etcd_stop(&e);

	etcd_start(
	    &e, "trap", &(struct etcd_options){.tls = true, .server = "trap"});
	assert_true(check(&e, &(struct setup){GOOD_TLS}) != 0);
	must_say("needs clientAuth beside serverAuth");
	etcd_stop(&e);
}

static void
users(void **state)
{
	struct etcd e;

	etcd_start(
	    &e, "users", &(struct etcd_options){.tls = true, .users = "eu"});
	assert_int_equal(check(&e,
			     &(struct setup){GOOD_TLS, .user = ETCD_USER,
				 .password = ETCD_PASSWORD}),
	    0);
	assert_true(check(&e,
			&(struct setup){GOOD_TLS, .user = ETCD_USER,
			    .password = "another-password"}) != 0);
	must_say("'password_file' has another password");
	assert_true(check(&e,
			&(struct setup){GOOD_TLS, .user = "nobody",
			    .password = ETCD_PASSWORD}) != 0);
	must_say("'user' is no user there");
	assert_true(check(&e, &(struct setup){GOOD_TLS}) != 0);
	must_say("none is configured here");
	assert_true(check(&e,
			&(struct setup){GOOD_TLS, .user = ETCD_USER,
			    .password = ETCD_PASSWORD, .name = "us"}) != 0);
	must_say("no role that may read and write");
	assert_true(check(&e,
			&(struct setup){.ca = "etcd-ca.pem",
			    .certificate = "named",
			    .user = ETCD_USER,
			    .password = ETCD_PASSWORD}) != 0);
	must_say("certificate without a common name");
	etcd_stop(&e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain),
	    cmocka_unit_test(full),
	    cmocka_unit_test(certificates),
	    cmocka_unit_test(users),
	};

	if (etcd_missing())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
