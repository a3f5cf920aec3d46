/*
 * section_files: inotify on the directory, so that a rename over the file is
 * seen. Control thread. A file that is wrong is logged and changes nothing.
 */
#include "gateway/control/section_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "cache/base/bytes.h"
#include "gateway/base/services.h"
#include "gateway/control/control.h"
#include "gateway/control/watched_place.h"
#include "gateway/base/json.h"

#define MAX_FILE_BYTES (1024 * 1024)
#define MAX_FILES      100
#define MAX_AGAIN      3 /* others were first */

struct push;

struct section_files {
	const struct services *services;
	struct control *control;
	const struct section_store *sections;
	char *dir;
	char *name;          /* the one file, or NULL: every *.json in dir */
	struct push *pushes; /* that wait for their answer */
	int fd;
	struct event *event;
};

static bool
is_wanted(const struct section_files *w, const char *name)
{
	size_t len = strlen(name);

	if (w->name != NULL)
		return strcmp(w->name, name) == 0;
	return name[0] != '.' && len > 5 &&
	    strcmp(name + len - 5, ".json") == 0;
}

static int
read_file(struct bytes *b, const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	char buf[4096];
	size_t n;
	int rc = 0;

	if (f == NULL)
		return err_sys(err, "cannot open");
	while (rc == 0 && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		rc = bytes_append(b, buf, n);
	if (rc != 0)
		err_set(err, rc, "larger than %d bytes", MAX_FILE_BYTES);
	else if (ferror(f))
		rc = err_sys(err, "cannot read");
	fclose(f);
	return rc;
}

/* A push that is answered later: its own, and ended by the answer. */
struct push {
	struct section_files *files;
	struct control_later later;
	struct push **prev, *next; /* among those of its files */
	unsigned again;
	char name[]; /* of the file */
};

static void take_file(struct section_files *w, const char *name, unsigned n);

static void
push_free(struct push *p)
{
	*p->prev = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	free(p);
}

static void
say_refused(struct section_files *w, const char *name, const char *why)
{
	log_line(w->services->log, LOG_LEVEL_ERROR,
	    "cannot take configuration from '%s/%s', what was in force stays: "
	    "%s",
	    w->dir, name, why);
}

static void
on_pushed(void *arg, const struct control_answer *a)
{
	struct push *p = arg;
	struct section_files *w = p->files;

	if (w != NULL && a->outcome == CONTROL_CONFLICT && p->again < MAX_AGAIN)
		/* Another was first, perhaps with the same file. */
		take_file(w, p->name, p->again + 1);
	else if (w != NULL && a->outcome != CONTROL_CHANGED)
		say_refused(w, p->name, a->err.msg);
	if (w != NULL)
		push_free(p);
	else
		free(p);
}

static struct push *
push_new(struct section_files *w, const char *name, unsigned again)
{
	struct push *p = calloc(1, sizeof(*p) + strlen(name) + 1);

	if (p == NULL)
		return NULL;
	p->files = w;
	p->later = (struct control_later){.done = on_pushed, .arg = p};
	p->again = again;
	memcpy(p->name, name, strlen(name) + 1);
	p->next = w->pushes;
	p->prev = &w->pushes;
	if (p->next != NULL)
		p->next->prev = &p->next;
	w->pushes = p;
	return p;
}

static int
push_config(struct section_files *w, struct push *p, enum section_id id,
    int64_t version, const cJSON *config, struct err *err)
{
	char path[PATH_MAX];
	const struct control_actor actor = {
	    .who = "file", .from = path, .action = "put"};
	char *text = cJSON_PrintUnformatted(config);
	enum control_outcome outcome;

	snprintf(path, sizeof(path), "%s/%s", w->dir, p->name);
	if (text == NULL) {
		push_free(p);
		return err_set(err, E_NOMEM, "out of memory");
	}
	outcome = control_put(
	    w->control, id, version, config, text, &actor, &p->later, err);
	cJSON_free(text);
	if (outcome == CONTROL_LATER)
		return 0;
	push_free(p);
	return outcome == CONTROL_CHANGED ? 0 : E_ARG;
}

/* 0 also when it says what is stored already. */
static int
push(struct section_files *w, const cJSON *o, const char *file, unsigned again,
    struct err *err)
{
	const struct section_store *s = w->sections;
	const char *name = json_get_string(o, "section");
	const cJSON *config = json_get(o, "config");
	enum section_id id = name != NULL ? section_find(name) : SECTION_NUM;
	struct push *p;
	int64_t version;

	if (id == SECTION_NUM || !cJSON_IsObject(config))
		return err_set(err, E_PARSE,
		    "expected {\"section\": a known section, \"config\": an "
		    "object}");
	version = section_version(s, id);
	if (json_get(o, "version") != NULL &&
	    json_to_int(
		json_get(o, "version"), INT32_MIN, INT32_MAX, &version) != 0)
		return err_set(err, E_PARSE, "version is not a whole number");
	if (section_config(s, id) != NULL &&
	    json_equal(section_config(s, id), config))
		return 0;
	p = push_new(w, file, again);
	return p != NULL ? push_config(w, p, id, version, config, err)
			 : err_set(err, E_NOMEM, "out of memory");
}

static void
take_file(struct section_files *w, const char *name, unsigned n)
{
	char path[PATH_MAX];
	struct bytes b;
	struct err err;
	cJSON *o = NULL;
	int rc;

	bytes_init(&b, MAX_FILE_BYTES);
	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	rc = read_file(&b, path, &err);
	if (rc == 0)
		rc =
		    json_parse(&o, b.p != NULL ? (char *)b.p : "", b.len, &err);
	if (rc == 0)
		rc = push(w, o, name, n, &err);
	if (rc != 0)
		say_refused(w, name, err.msg);
	cJSON_Delete(o);
	bytes_cleanup(&b);
}

void
section_files_scan(struct section_files *w)
{
	struct dirent **list;
	int num;

	if (w->name != NULL) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", w->dir, w->name);
		if (access(path, F_OK) == 0)
			take_file(w, w->name, 0);
		return;
	}
	num = scandir(w->dir, &list, NULL, alphasort);
	if (num < 0) {
		log_line(w->services->log, LOG_LEVEL_ERROR,
		    "cannot read directory '%s': %s", w->dir, strerror(errno));
		return;
	}
	for (int i = 0; i < num; i++) {
		if (i < MAX_FILES && is_wanted(w, list[i]->d_name))
			take_file(w, list[i]->d_name, 0);
		free(list[i]);
	}
	free(list);
}

static void
on_change(evutil_socket_t fd, short what, void *arg)
{
	char buf[16384]
	    __attribute__((aligned(__alignof__(struct inotify_event))));
	struct section_files *w = arg;
	ssize_t n = read(fd, buf, sizeof(buf));

	(void)what;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e =
		    (const struct inotify_event *)(const void *)(buf + at);

		/*
		 * Events were lost, or the directory behind the links has been
		 * exchanged ("..data" of a mounted ConfigMap): look at
		 * everything.
		 */
		if ((e->mask & IN_Q_OVERFLOW) ||
		    (e->len > 0 && strncmp(e->name, "..", 2) == 0))
			section_files_scan(w);
		else if (e->len > 0 && is_wanted(w, e->name))
			take_file(w, e->name, 0);
		if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
			log_line(w->services->log, LOG_LEVEL_ERROR,
			    "the watched directory '%s' is gone", w->dir);
		at += (ssize_t)sizeof(*e) + e->len;
	}
}

int
section_files_new(struct section_files **out, const struct services *services,
    struct control *control, const struct section_store *sections,
    const char *path, struct err *err)
{
	struct section_files *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (w == NULL)
		return err_set(err, E_NOMEM, "out of memory");
	w->services = services;
	w->control = control;
	w->sections = sections;
	w->fd = -1;
	rc = watched_place(&w->dir, &w->name, path, err);
	if (rc == 0) {
		w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (w->fd < 0 ||
		    inotify_add_watch(w->fd, w->dir,
			IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF |
			    IN_MOVE_SELF | IN_ONLYDIR) < 0)
			rc = err_sys(err, "cannot watch '%s'", w->dir);
	}
	if (rc == 0) {
		w->event = event_new(
		    services->base, w->fd, EV_READ | EV_PERSIST, on_change, w);
		if (w->event == NULL || event_add(w->event, NULL) != 0)
			rc = err_set(err, E_NOMEM, "out of memory");
	}
	if (rc != 0) {
		section_files_free(w);
		return rc;
	}
	section_files_scan(w);
	*out = w;
	return 0;
}

void
section_files_free(struct section_files *w)
{
	if (w == NULL)
		return;
	for (struct push *p = w->pushes; p != NULL; p = p->next)
		p->files = NULL; /* freed when they are answered */
	if (w->event != NULL)
		event_free(w->event);
	if (w->fd >= 0)
		close(w->fd);
	free(w->dir);
	free(w->name);
	free(w);
}
