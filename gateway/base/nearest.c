/* nearest: three rows of the usual table. Any thread. */
#include "gateway/base/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool
same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
nearest_distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_MAX_LEN + 1];
	size_t len_a = strlen(a), len_b = strlen(b);

	if (len_a > NEAREST_MAX_LEN || len_b > NEAREST_MAX_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= len_b; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= len_a; i++) {
		size_t *row = rows[i % 3], *up = rows[(i + 2) % 3];
		const size_t *up2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			row[j] = up[j - 1] + !same(a[i - 1], b[j - 1]);
			row[j] = least(row[j], least(up[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	return rows[len_a % 3][len_b];
}

void
nearest_try(struct nearest *n, const char *known)
{
	size_t len = strlen(n->word);
	size_t d = nearest_distance(n->word, known);

	/* A third of the letters may be wrong: beyond that it is a guess. */
	if (d > (len < 3 ? 0 : len < 6 ? 1 : len / 3))
		return;
	if (n->best == NULL || d < n->distance) {
		n->best = known;
		n->distance = d;
	}
}
