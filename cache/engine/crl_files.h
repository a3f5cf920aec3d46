/*
 * crl_files: CRL files and directories of them as sources: read at once, and
 * again whenever what their paths lead to changes. A thread of its own looks,
 * reads and parses, so that no slow disk or large file keeps another waiting.
 * inotify makes it quick; all files are looked at (device, inode, size, times)
 * now and then besides. Files are read whole and not mapped: their owner may
 * write into them.
 */
#ifndef CACHE_ENGINE_CRL_FILES_H
#define CACHE_ENGINE_CRL_FILES_H

#include "cache/engine/archive.h"

struct crl_files;

/* More files than this are left out, and told of. */
#define CRL_FILES_MAX 10000
/* How often all are looked at unless told otherwise. */
#define CRL_FILES_LOOK_MS 30000

/* A file as it is now. Lent for the call, but for `mine`. */
struct crl_file {
	char *path;
	void *mine; /* whatever fn puts there; NULL at first */
	bool there; /* false: it is gone; num is 0 then */
	/* Drafts that no acceptor has seen (origin FILE, url the path). */
	struct evidence **v;
	size_t num;
	/* What is wrong with it, or with the last broken object in it. */
	struct err why; /* code 0: nothing */
};

/* All of these are called on the thread of the files. */
struct crl_files_hear {
	/* It was read, or is gone: what it was before is told in this way. */
	void (*file)(void *arg, struct crl_file *f);
	/* All was looked at, and all that had changed was told of. */
	void (*settled)(void *arg);
	/* Of what is forgotten, and of all at the end: frees f->mine. */
	void (*drop)(void *arg, struct crl_file *f);
	void *arg;
};

struct crl_files_options {
	/*
	 * NULL-terminated; each exists, or its directory does and it may appear
	 * later. In a directory hidden files are ignored, and directories.
	 */
	const char *const *paths;
	uint32_t look_ms; /* 0: CRL_FILES_LOOK_MS */
	struct crl_limits limits;
	const struct log *log; /* borrowed */
	struct wall_clock clock;
};

/* Any thread. E_IO, E_ARG naming a path; E_NOMEM. */
int crl_files_new(struct crl_files **out, const struct crl_files_options *o,
    const struct crl_files_hear *hear, struct err *err) MUST_USE;
/* Whether that path could be watched. */
int crl_files_check(const char *path, struct err *err) MUST_USE;
/* Reads all of them again, soon. Any thread. */
void crl_files_again(struct crl_files *w);
/* Waits for its thread. */
void crl_files_free(struct crl_files *w);

#endif
