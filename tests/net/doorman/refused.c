/*
 * What a second signer submits, from a process of its own and with the CA's
 * true key: older lists, lists that forget, lists that say more than was
 * approved, lists of another key. Refused in words, and nothing is changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "fixtures/doorman/base/issue.h"
#include "tests/doorman/signer_client.h"

static struct doorman_net net;
static struct signer_client client;
static char *id, *revocation, *serial, *url;

/* The list in force, as a signer is given it. */
static struct buf in_force;

static void
fetch(void)
{
	struct web w;

	web_request(&w, "GET", url, NULL, NULL, NULL);
	assert_int_equal(w.status, 200);
	in_force.len = 0;
	buf_add(&in_force, w.body, w.len);
	web_free(&w);
}

static int
setup(void **state)
{
	char *body, *out;

	(void)state;
	buf_init(&in_force, 65536);
	doorman_net_init(&net, "dm", NULL, NULL);
	doorman_net_start(&net);
	url = xasprintf("%s/certificate-revocation-list/doorman", net.url);
	id = doorman_net_enrol(&net, "alice", "/O=Alice", "");
	serial = doorman_net_serial(&net, "alice");
	body = xasprintf("{\"csrRequestId\":\"%s\",\"reason\":"
			 "\"KEY_COMPROMISE\",\"reporter\":\"ann\"}",
	    id);
	assert_int_equal(doorman_net_post(&net, body, &revocation), 200);
	doorman_net_do(&net, "tickets", "approve", revocation);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 2 +1\n", &out, "crl"), 0);
	fetch();
	free(out);
	free(body);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	doorman_net_free(&net);
	buf_free(&in_force);
	free(url);
	free(serial);
	free(revocation);
	free(id);
	return 0;
}

/* A list to be made: what differs from the one that would be right. */
struct list {
	uint64_t number;
	bool forget;         /* the entries in force are left out */
	const char *extra;   /* a serial that nobody approved, or NULL */
	long age_sec;        /* thisUpdate lies that far back */
	long valid_sec;      /* 0: a day */
	const char *ca;      /* "doorman" unless said otherwise */
	const char *list;    /* likewise */
	const char *request; /* an id to submit it with, or NULL */
};

static void
list_sign(struct buf *der, const struct list *l)
{
	const char *ca = l->ca != NULL ? l->ca : "doorman";
	char *cert = xasprintf("%s/ca/%s.pem", net.dir, ca);
	char *spec = xasprintf("file:%s/ca/%s-key.pem", net.dir, ca);
	char *own = xasprintf("%s/certificate-revocation-list/%s", net.url,
	    l->list != NULL ? l->list : "doorman");
	struct secret none = {.fd = 0};
	struct signing_key *key;
	struct crl_add add = {0};
	struct crl_plan plan = {.number = l->number, .url = own};
	struct crl old;
	struct fault f;

	assert_int_equal(crl_parse(&old, buf_view(&in_force), &f), 0);
	plan.ca = cert_read_file(cert, &f);
	assert_non_null(plan.ca);
	plan.this_update = time(NULL) - l->age_sec;
	plan.next_update =
	    time(NULL) + (l->valid_sec != 0 ? l->valid_sec : 86400);
	if (!l->forget)
		plan.old_entries = old.entries;
	if (l->extra != NULL) {
		assert_int_equal(serial_from_hex(&add, l->extra), 0);
		add.revoked_at = time(NULL);
		add.reason = 1;
		plan.add = &add;
		plan.num_add = 1;
	}
	assert_int_equal(
	    signing_key_open(&key, spec, X509_get0_pubkey(plan.ca), &none, &f),
	    0);
	if (crl_build(der, &plan, key, &f) != 0)
		fail_msg("%s", f.msg);
	signing_key_free(key);
	X509_free(plan.ca);
	free(own);
	free(spec);
	free(cert);
}

static void
submit(const struct list *l, const struct buf *der)
{
	struct buf ask;
	size_t begun;

	buf_init(&ask, 1 << 20);
	begun = wire_begin(&ask, WIRE_SUBMIT_CRL);
	wire_text(&ask, l->list != NULL ? l->list : "doorman");
	wire_u32(&ask, 0);
	wire_u32(&ask, l->request != NULL ? 1 : 0);
	if (l->request != NULL)
		wire_text(&ask, l->request);
	wire_bytes(&ask, buf_view(der));
	wire_bytes(&ask, view_of(NULL, 0));
	wire_end(&ask, begun);
	signer_client_ask(&client, &ask);
}

static void
is_refused(const struct list *l, unsigned code, const char *want)
{
	struct buf der;
	const char *text;

	buf_init(&der, 65536);
	list_sign(&der, l);
	submit(l, &der);
	buf_free(&der);
	text = signer_client_refused(&client, code);
	if (strstr(text, want) == NULL)
		fail_msg("no '%s' in: %s", want, text);
	/* A refusal is an answer: the signer may go on. */
	signer_client_ping(&client);
}

static void
bad_successors_are_refused(void **state)
{
	char *gone =
	    xasprintf("serial %s of the current CRL is missing", serial);
	const struct {
		struct list list;
		const char *want;
		unsigned code; /* 0: refused */
	} rows[] = {
	    {{.number = 1}, "CRL number 1 is not newer than 2", 0},
	    {{.number = 2}, "CRL number 2 is not newer than 2", 0},
	    {{.number = 3, .age_sec = 3600},
		"thisUpdate is earlier than that of CRL number 2", 0},
	    {{.number = 3, .age_sec = -3600}, "thisUpdate lies in the future",
		0},
	    {{.number = 3, .valid_sec = -1}, "nextUpdate has passed", 0},
	    {{.number = 3, .forget = true},
		"the CRL has 0 entries; 1 old and 0 approved make 1", 0},
	    {{.number = 3, .forget = true, .extra = "4242"}, gone, 0},
	    {{.number = 3, .extra = "4242", 0},
		"the CRL has 2 entries; 1 old and 0 approved make 1", 0},
	    {{.number = 3, .ca = "root"}, "issuer", 0},
	    {{.number = 3, .request = revocation},
		"is not an approved revocation of list 'doorman': it is DONE "
		"by now",
		WIRE_E_CHANGED},
	    {{.number = 3, .request = id},
		"is not an approved revocation of list 'doorman'", 0},
	};

	(void)state;
	signer_client_open(&client, &net);
	signer_client_hello(&client);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_refused(&rows[i].list,
		    rows[i].code != 0 ? rows[i].code : WIRE_E_REFUSED,
		    rows[i].want);
	signer_client_leave(&client);
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
	free(gone);
}

/* One bit of a good list's signature: the key was another one. */
static void
another_key_is_refused(void **state)
{
	struct list good = {.number = 3};
	struct buf der;
	char *cert = xasprintf("%s/ca/doorman.pem", net.dir);
	char *key = xasprintf("%s/ca/doorman-key.pem", net.dir);
	char *keep_cert = file_need(cert, NULL), *keep = file_need(key, NULL);
	const char *forge[] = {"/usr/bin/openssl", "req", "-x509", "-newkey",
	    "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
	    "/CN=Doorman CA/O=Private Network/C=GB", "-keyout", key, "-out",
	    cert, NULL};

	(void)state;
	signer_client_open(&client, &net);
	signer_client_hello(&client);
	buf_init(&der, 65536);
	list_sign(&der, &good);
	der.p[der.len - 1] ^= 1;
	submit(&good, &der);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "signature does not verify"));
	buf_free(&der);
	/* A CA of the same name. The service read the true one at its start. */
	assert_int_equal(proc_run(forge, "forge.log", WAIT_MS, NULL), 0);
	buf_init(&der, 65536);
	list_sign(&der, &good);
	file_write(cert, keep_cert, strlen(keep_cert));
	file_write(key, keep, strlen(keep));
	submit(&good, &der);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "authority key identifier is not the CA's key"));
	buf_free(&der);
	signer_client_leave(&client);
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
	free(keep);
	free(keep_cert);
	free(key);
	free(cert);
}

/*
 * Two signers, each with the same list before it. While one sits there the
 * other is told so; when both have signed, the second comes too late.
 */
static void
the_second_comes_too_late(void **state)
{
	struct list mine = {.number = 3};
	struct wire_in in;
	struct buf der;
	char *out;

	(void)state;
	signer_client_open(&client, &net);
	signer_client_hello(&client);
	buf_init(&der, 65536);
	list_sign(&der, &mine);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 3 +0\n", &out, "crl"), 1);
	assert_non_null(strstr(out, "busy: held by uid "));
	free(out);
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 2);
	signer_client_leave(&client);
	assert_int_equal(
	    doorman_net_sign(&net, "sign doorman 3 +0\n", &out, "crl"), 0);
	free(out);
	signer_client_open(&client, &net);
	signer_client_hello(&client);
	submit(&mine, &der);
	assert_non_null(strstr(signer_client_refused(&client, WIRE_E_REFUSED),
	    "CRL number 3 is not newer than 3"));
	buf_free(&der);
	/* On top of what there is now it is welcome. */
	fetch();
	mine.number = 4;
	buf_init(&der, 65536);
	list_sign(&der, &mine);
	submit(&mine, &der);
	assert_int_equal(
	    signer_client_answer(&client, &in), WIRE_SUBMIT_CRL | WIRE_ANSWER);
	assert_int_equal(wire_get_u64(&in), 4);
	assert_int_equal(wire_get_u32(&in), 0);
	assert_true(wire_done(&in));
	buf_free(&der);
	signer_client_leave(&client);
	assert_int_equal(doorman_net_crl_number(&net, "doorman"), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bad_successors_are_refused),
	    cmocka_unit_test(another_key_is_refused),
	    cmocka_unit_test(the_second_comes_too_late),
	};

	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, setup, teardown);
}
