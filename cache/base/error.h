/*
 * err: why an operation could not be done. Owned by the caller, never
 * allocates, may be NULL wherever it is an argument. A revoked certificate is
 * an answer, not an error. The codes are the public REVCHECK_E_* ones
 * (revcheck/x509/error.c asserts that they agree).
 */
#ifndef CACHE_BASE_ERROR_H
#define CACHE_BASE_ERROR_H

#define E_ARG      (-1) /* the caller broke the contract of the call */
#define E_NOMEM    (-2)
#define E_PARSE    (-3) /* input is malformed */
#define E_CLOSED   (-4) /* the object is shutting down */
#define E_LIMIT    (-5) /* a configured bound was reached */
#define E_IO       (-6) /* the operating system refused; see sys_errno */
#define E_INTERNAL (-7)

struct err {
	int code;
	int sys_errno;      /* 0 when no system call failed */
	unsigned long ossl; /* OpenSSL's error code, 0 when none */
	char msg[256];      /* one sentence, lower case, no newline */
};

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/*
 * err_set fills *e (if not NULL) and returns code, so that a failure reads
 * `return err_set(e, E_PARSE, "...")`. Control characters in the formatted text
 * become '?': much of it comes from outside.
 */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* err_sys is err_set with E_IO; it keeps errno and appends its text. */
int err_sys(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * err_ossl is err_set that keeps the oldest entry of this thread's OpenSSL
 * queue and appends its reason; it empties the queue.
 */
int err_ossl(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* An analyzer, which sees one file at a time, is to see that none returns 0. */
#if defined(__clang_analyzer__) && !defined(ERROR_C)
#define err_set(e, code, ...)  ((void)err_set(e, code, __VA_ARGS__), (code))
#define err_sys(e, ...)        ((void)err_sys(e, __VA_ARGS__), E_IO)
#define err_ossl(e, code, ...) ((void)err_ossl(e, code, __VA_ARGS__), (code))
#endif

#endif
