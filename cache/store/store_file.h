/*
 * store_file: the files beside evidence.db. A CRL is a file of its own, its DER
 * as it came under its SHA-256, so that it can be mapped:
 *
 *	DIR/v2/crl/<two hex digits>/<sha256>.crl
 *	DIR/v2/aside/<sha256>.crl, .ocsp	what was refused on reading
 *
 * Written to a temporary name, synced, renamed; mode 0600, directories 0700.
 * One thread at a time in a process.
 */
#ifndef CACHE_STORE_STORE_FILE_H
#define CACHE_STORE_STORE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/base/error.h"
#include "cache/base/span.h"

#define STORE_PATH_MAX 4096
/* The longest name of a state directory. */
#define STORE_DIR_MAX (STORE_PATH_MAX - 160)

void store_file_path(
    char out[STORE_PATH_MAX], const char *dir, const uint8_t sha256[32]);

/* Makes a directory that is not there (0700). E_IO. */
int store_file_mkdir(const char *path, struct err *err) MUST_USE;

/* Nothing is written when a file of that length is there. E_IO. */
int store_file_write(const char *dir, const uint8_t sha256[32], struct span der,
    struct err *err) MUST_USE;

/*
 * 1 and *fd, a regular file of that length; 0: there is none; E_PARSE: it is
 * something else; E_IO.
 */
int store_file_open(int *fd, const char *dir, const uint8_t sha256[32],
    size_t len, struct err *err) MUST_USE;

void store_file_remove(const char *dir, const uint8_t sha256[32]);

/*
 * Keeps what was refused for the operator to look at, up to 64 pieces: the file
 * of a CRL is moved, the bytes of a response (body) are written. True when it
 * was kept; else it is gone.
 */
bool
store_file_aside(const char *dir, const uint8_t sha256[32], struct span body);

/*
 * One of 256 directories of CRLs: removes temporary files of writers that died,
 * and calls fn for each file, which removes it when fn says so. Files younger
 * than ten minutes are left alone: somebody may be at it.
 */
void store_file_sweep(const char *dir, unsigned n,
    bool (*unknown)(void *arg, const uint8_t sha256[32]), void *arg);

/*
 * Removes what version 1 kept in DIR/v1, at most so many files a call, and
 * nothing that it did not write. True when there is nothing more to remove;
 * *num counts what was.
 */
bool store_file_remove_v1(const char *dir, unsigned max, uint64_t *num);

#endif
