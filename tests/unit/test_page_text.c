/* Text of strangers in HTML: markup, controls, text that turns, broken UTF-8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <event2/buffer.h>

#include "gateway/rest/page_text.h"

static void
becomes(const char *text, const char *want)
{
	struct evbuffer *out = evbuffer_new();
	char got[256] = "";

	assert_non_null(out);
	page_text_add(out, text);
	assert_true(evbuffer_get_length(out) < sizeof(got));
	evbuffer_remove(out, got, sizeof(got) - 1);
	assert_string_equal(got, want);
	evbuffer_free(out);
}

static void
markup_is_text(void **state)
{
	becomes("", "");
	becomes("C=GB,O=x", "C=GB,O=x");
	becomes("<img src=x onerror='alert(1)'>",
	    "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;");
	becomes("\"&amp;", "&quot;&amp;amp;");
	becomes("{{banner}}", "{{banner}}");
}

static void
what_nobody_sees_is_spelt_out(void **state)
{
	becomes("a\tb\x7f", "a\\u{9}b\\u{7f}");
	becomes("gnp\xe2\x80\xae"
		"exe",
	    "gnp\\u{202e}exe");
	becomes("\xc2\x85\xc2\xad\xd8\x9c\xe2\x80\x8b\xe2\x81\xa6\xef\xbb\xbf",
	    "\\u{85}\\u{ad}\\u{61c}\\u{200b}\\u{2066}\\u{feff}");
	/* A vowel separator, an interlinear anchor, a tag, half a pair. */
	becomes("\xe1\xa0\x8e\xef\xbf\xb9\xf3\xa0\x81\xa1\xed\xa0\x80",
	    "\\u{180e}\\u{fff9}\\u{e0061}\\u{d800}");
}

static void
letters_stay_and_broken_ones_do_not(void **state)
{
	becomes("Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x94\x92",
	    "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x94\x92");
	becomes("\xff<", "\\u{ff}&lt;");
	becomes("\xc3<", "\\u{c3}&lt;");
	becomes("\xe2\x80", "\\u{e2}\\u{80}");
	becomes("\xf0\x9f\x94", "\\u{f0}\\u{9f}\\u{94}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(markup_is_text),
	    cmocka_unit_test(what_nobody_sees_is_spelt_out),
	    cmocka_unit_test(letters_stay_and_broken_ones_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
