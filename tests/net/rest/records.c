/* What answers of the REST server look like on the way: TLS records. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/scene.h"

/* Head and body: a record each would wake up whoever waits twice. */
static void
an_answer_is_one_record(void **state)
{
	static const char ask[] = "GET /api/v1/healthz HTTP/1.1\r\n"
				  "Host: x\r\n\r\n";
	const struct tls_options none = {0};
	char text[16384], *body, *length;
	struct tls t;
	int n;

	(void)state;
	scene_prepare();
	gateway_start(&gw);
	assert_int_equal(tls_connect(&t, gw.rest_port, &none), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tls_write(&t, ask, sizeof(ask) - 1), 1);
		/* One record at most: that is what SSL_read returns. */
		n = tls_read(&t, text, sizeof(text) - 1);
		assert_true(n > 0);
		text[n] = '\0';
		assert_non_null(strstr(text, "HTTP/1.1 200 "));
		body = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		assert_non_null(body);
		assert_non_null(length);
		assert_int_equal(strlen(body + 4), atoi(length + 16));
		assert_true(body[4] != '\0');
	}
	tls_free(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SCENE(an_answer_is_one_record),
	};

	return cmocka_run_group_tests_name(
	    "REST records", tests, scene_setup, scene_teardown);
}
