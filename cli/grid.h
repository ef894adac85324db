/* grid.h - who is busy when, drawn with a character for each interval.
 *
 * A block for each day, with the hours above it; a day that is wider than the terminal is broken
 * into several.
 *
 * Threads:  pure.
 */
#ifndef EXG_CLI_GRID_H
#define EXG_CLI_GRID_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct {
    const char *name;
    const char *digits; /* of ExgEwsBusyType, one per interval; what is missing is not known */
    const char *note;   /* in their place: why there are none; or NULL */
} ExgGridRow;

typedef struct {
    gint64 start; /* of the first interval, in seconds since 1970 */
    GTimeZone *zone;
    guint interval_min;
    guint n_intervals;
    guint width; /* of the terminal */
    bool utf8, colour;
} ExgGridShape;

void exg_grid_print(const ExgGridRow *rows, guint n_rows, const ExgGridShape *shape, FILE *file);

#endif
