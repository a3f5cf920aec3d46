/*
 * What clang-tidy is told of cmocka, which ends a test out of its sight: that
 * nothing goes on after a check that fails. lint.sh includes it.
 */
#ifndef TESTS_LINT_H
#define TESTS_LINT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

_Noreturn void _fail(const char *const file, const int line);

#define _assert_true(is, ...) ((is) ? (void)0 : _fail(__FILE__, __LINE__))
#define _assert_int_equal(a, b, ...) \
	((a) == (b) ? (void)0 : _fail(__FILE__, __LINE__))

#endif
