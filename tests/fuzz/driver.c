/*
 * driver: runs a fuzz target without libFuzzer: every seed, then mutations of
 * the seeds, always the same ones. A crash is a failed test by itself.
 *
 *   TARGET [FILE...]   FILE: run these only (a reproducer)
 */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS  30000
#define SEED_BYTES 65536

extern const char fuzz_seeds[];
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seed {
	uint8_t *p;
	size_t len;
} * seeds;
static size_t num_seeds;

static int
seed_load(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct seed s = {.p = malloc(SEED_BYTES)};

	if (f == NULL || s.p == NULL)
		abort();
	s.len = fread(s.p, 1, SEED_BYTES, f);
	fclose(f);
	seeds = realloc(seeds, (num_seeds + 1) * sizeof(*seeds));
	if (seeds == NULL)
		abort();
	seeds[num_seeds++] = s;
	return 0;
}

static int
seed_visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t n = strlen(path), m = strlen(fuzz_seeds);

	(void)st;
	(void)ftw;
	if (type == FTW_F && n >= m && strcmp(path + n - m, fuzz_seeds) == 0)
		return seed_load(path);
	return 0;
}

/* xorshift: the same numbers every time, everywhere. */
static uint32_t
number(uint32_t below)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return below == 0 ? 0 : (uint32_t)(x >> 16) % below;
}

static size_t
mutate(uint8_t *p, size_t len)
{
	static const uint8_t likely[] = {0, 1, 2, 3, 4, 5, 6, 0x0a, 0x0c, 0x13,
	    0x16, 0x17, 0x18, 0x1e, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x83,
	    0x84, 0x86, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xff};
	size_t at, n;

	if (len == 0)
		return 0;
	for (uint32_t k = 1 + number(4); k-- > 0;) {
		at = number((uint32_t)len);
		switch (number(6)) {
		case 0:
			p[at] ^= (uint8_t)(1u << number(8));
			break;
		case 1:
			p[at] = likely[number(sizeof(likely))];
			break;
		case 2:
			p[at] = (uint8_t)(p[at] + (number(2) ? 1 : -1));
			break;
		case 3: /* a hole */
			n = 1 + number(8);
			if (at + n < len) {
				memmove(p + at, p + at + n, len - at - n);
				len -= n;
			}
			break;
		case 4: /* something twice */
			n = 1 + number(16);
			if (at + n <= len && len + n <= SEED_BYTES) {
				memmove(p + at + n, p + at, len - at);
				len += n;
			}
			break;
		default: /* from another place */
			n = 1 + number(12);
			if (at + n <= len)
				memmove(p + at,
				    p + number((uint32_t)(len - n + 1)), n);
			break;
		}
	}
	return number(40) == 0 ? number((uint32_t)len) : len;
}

static void
mutations_run(void)
{
	uint8_t *buf = malloc(SEED_BYTES);

	if (buf == NULL)
		abort();
	for (int i = 0; i < MUTATIONS; i++) {
		const struct seed *s = &seeds[number((uint32_t)num_seeds)];
		uint8_t *exact;
		size_t len;

		memcpy(buf, s->p, s->len);
		len = mutate(buf, s->len);
		/* A block of exactly that size: reads beyond it are seen. */
		exact = malloc(len > 0 ? len : 1);
		if (exact == NULL)
			abort();
		memcpy(exact, buf, len);
		LLVMFuzzerTestOneInput(exact, len);
		free(exact);
	}
	free(buf);
}

int
main(int argc, char **argv)
{
	const char *build = getenv("BUILD");
	char top[1024];

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		seed_load(argv[i]);
	if (argc == 1) {
		snprintf(top, sizeof(top), "%s/vectors",
		    build != NULL ? build : ".");
		nftw(top, seed_visit, 16, FTW_PHYS);
	}
	printf("1..%d\n", argc == 1 ? 2 : 1);
	for (size_t i = 0; i < num_seeds; i++)
		LLVMFuzzerTestOneInput(seeds[i].p, seeds[i].len);
	printf("%sok 1 - %zu seeds\n", num_seeds > 0 ? "" : "not ", num_seeds);
	if (argc == 1 && num_seeds > 0) {
		mutations_run();
		printf("ok 2 - %d mutations\n", MUTATIONS);
	}
	for (size_t i = 0; i < num_seeds; i++)
		free(seeds[i].p);
	free(seeds);
	return num_seeds == 0;
}
