/*
 * evidence_file: the objects in a file of CRLs or OCSP responses, as people and
 * tools write them: DER; PEM, any number of objects, between text and objects
 * of other kinds, with a byte order mark, blanks before a line, CRLF. The one
 * reader of what an operator gives.
 */
#ifndef CACHE_EVIDENCE_EVIDENCE_FILE_H
#define CACHE_EVIDENCE_EVIDENCE_FILE_H

#include "cache/evidence/evidence.h"

struct evidence_file;

/* An OCSP response may have so many bytes. */
#define EVIDENCE_FILE_MAX_OCSP ((size_t)1 << 20)
/* A file may have so many objects. */
#define EVIDENCE_FILE_MAX_OBJECTS 10000
/* And so many bytes of text besides: what openssl crl -text writes of some ten
 * million entries. A device has no end. */
#define EVIDENCE_FILE_MAX_TEXT ((uint64_t)1 << 30)

/*
 * Called for each object, in order: e is a draft (origin FILE) that nobody has
 * verified, borrowed; or NULL, and why tells what is wrong with the object, or
 * with a file that has none ("line 7: a certificate; expected a CRL in DER or
 * PEM"), without the file's name. Of a CRL, fault is why it was not built.
 * Returns 0 to go on.
 */
typedef int evidence_file_fn(
    void *arg, struct evidence *e, enum crl_fault fault, const struct err *why);

/* name: becomes the URL of what is found. limits: of CRLs; NULL: defaults. */
struct evidence_file *
evidence_file_new(enum evidence_kind kind, const char *name, time_t now,
    const struct crl_limits *limits, evidence_file_fn *fn, void *arg) MUST_USE;

/*
 * Large CRLs are read by threads of their own: see crl_builder_aside. bytes: of
 * the file, where they are known; 0: a CRL turns out to be large.
 */
void evidence_file_aside(struct evidence_file *f, uint64_t bytes);

/*
 * Feed any number of pieces, then finish. E_NOMEM, E_LIMIT (too many objects,
 * or too much text), or what fn returned; free it then. What is wrong in the
 * file is told to fn, and 0 here. By the end fn was called at least once.
 */
int evidence_file_feed(
    struct evidence_file *f, struct span piece, struct err *err) MUST_USE;
/*
 * Reads and feeds one piece of fd: 1, or 0 at its end, or where nothing more is
 * looked at. Besides: E_IO. fd may be a pipe.
 */
int
evidence_file_step(struct evidence_file *f, int fd, struct err *err) MUST_USE;
int evidence_file_finish(struct evidence_file *f, struct err *err) MUST_USE;
void evidence_file_free(struct evidence_file *f);

#endif
