/* address: how what a socket is bound to reads, whoever has chosen it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "gateway/base/address.h"

static void
paths_are_one_word(void **state)
{
	static const struct {
		const char *path, *shown;
	} rows[] = {
	    {"/run/a.sock", "unix:/run/a.sock"},
	    {"/a\r\nP2P-Gateway-Status: good",
		"unix:/a??P2P-Gateway-Status:?good"},
	    {"/a) status=good 'x'", "unix:/a)?status=good??x?"},
	    {"\xc3\xa9", "unix:??"},
	    {"", "unix"},
	};
	struct sockaddr_storage sa;
	struct sockaddr_un *un = (struct sockaddr_un *)&sa;
	char out[ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&sa, 0, sizeof(sa));
		sa.ss_family = AF_UNIX;
		memcpy(un->sun_path, rows[i].path, strlen(rows[i].path));
		address_text(out, &sa);
		assert_string_equal(out, rows[i].shown);
	}
	/* As long as one can be, and no NUL: what is behind it is not shown. */
	memset(&sa, 'x', sizeof(sa));
	sa.ss_family = AF_UNIX;
	address_text(out, &sa);
	assert_int_equal(strlen(out), 5 + sizeof(un->sun_path));
	address_text(out, NULL);
	assert_string_equal(out, "unix");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_are_one_word),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
