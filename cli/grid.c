#include "cli/grid.h"

#include "cli/output.h"
#include "common/ews/calendar/get-user-availability.h"

#include <string.h>

#define GAP         2
#define NAME_MIN    16 /* columns that a name may have in any case */
#define LABEL_WIDTH 3  /* of an hour, with a blank */
#define LEGEND_GAP  3

typedef struct {
    const char *word, *utf8, *ascii, *colour;
} Look;

/* In the order of the legend. */
static const ExgEwsBusyType legend[] = {
    EXG_EWS_FREE,          EXG_EWS_TENTATIVE,         EXG_EWS_BUSY,
    EXG_EWS_OUT_OF_OFFICE, EXG_EWS_WORKING_ELSEWHERE, EXG_EWS_NO_DATA};
static const Look looks[EXG_EWS_N_BUSY_TYPES] = {
    [EXG_EWS_FREE] = {"free", "·", ".", "2"},
    [EXG_EWS_TENTATIVE] = {"tentative", "░", "t", "33"},
    [EXG_EWS_BUSY] = {"busy", "█", "B", "31"},
    [EXG_EWS_OUT_OF_OFFICE] = {"out of office", "▓", "O", "35"},
    [EXG_EWS_NO_DATA] = {"not known", "?", "?", "2"},
    [EXG_EWS_WORKING_ELSEWHERE] = {"elsewhere", "▒", "e", "36"},
};

static const Look *
look_of(char digit)
{
    bool known = digit >= '0' && digit < '0' + EXG_EWS_N_BUSY_TYPES;
    return &looks[known ? digit - '0' : EXG_EWS_NO_DATA];
}

static void
print_look(const ExgGridShape *shape, const Look *look, guint times, FILE *file)
{
    if (shape->colour)
        fprintf(file, "\033[%sm", look->colour);
    for (guint i = 0; i < times; i++)
        fputs(shape->utf8 ? look->utf8 : look->ascii, file);
    if (shape->colour)
        fputs("\033[0m", file);
}

static void
print_digits(const ExgGridShape *shape, const char *digits, guint from, guint to, FILE *file)
{
    gsize length = strlen(digits);
    guint run;
    for (guint i = from; i < to; i += run) {
        const Look *look = look_of(i < length ? digits[i] : '\0');
        for (run = 1; i + run < to; run++)
            if (look_of(i + run < length ? digits[i + run] : '\0') != look)
                break;
        print_look(shape, look, run, file);
    }
    fputc('\n', file);
}

static GDateTime *
time_of(const ExgGridShape *shape, guint interval)
{
    gint64 seconds = shape->start + (gint64)interval * shape->interval_min * 60;
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(seconds);
    return g_date_time_to_timezone(utc, shape->zone);
}

/* The first interval that begins on another day. */
static guint
end_of_day(const ExgGridShape *shape, guint from)
{
    g_autoptr(GDateTime) first = time_of(shape, from);
    for (guint i = from + 1; i < shape->n_intervals; i++) {
        g_autoptr(GDateTime) time = time_of(shape, i);
        if (g_date_time_get_day_of_month(time) != g_date_time_get_day_of_month(first))
            return i;
    }
    return shape->n_intervals;
}

/* How many hours from one label to the next. */
static int
hours_per_label(const ExgGridShape *shape)
{
    static const int steps[] = {1, 2, 3, 4, 6, 12};
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++)
        if ((guint)steps[i] * 60 >= LABEL_WIDTH * shape->interval_min)
            return steps[i];
    return 24;
}

static void
print_hours(const ExgGridShape *shape, guint name_width, guint from, guint to, FILE *file)
{
    int step = hours_per_label(shape);
    guint column = 0;
    g_autoptr(GString) line = g_string_new(NULL);
    for (guint i = from; i < to; i++) {
        g_autoptr(GDateTime) time = time_of(shape, i);
        int hour = g_date_time_get_hour(time);
        bool fits = i - from >= column && name_width + GAP + i - from + 2 <= shape->width;
        if (g_date_time_get_minute(time) != 0 || hour % step != 0 || !fits)
            continue;
        g_string_append_printf(line, "%*s%02d", (int)(i - from - line->len), "", hour);
        column = (guint)line->len + 1;
    }
    fprintf(file, "%*s%s\n", (int)(name_width + GAP), "", line->str);
}

static void
print_block(const ExgGridRow *rows, guint n_rows, const ExgGridShape *shape, guint name_width,
            guint from, guint to, FILE *file)
{
    print_hours(shape, name_width, from, to, file);
    for (guint i = 0; i < n_rows; i++) {
        g_autofree char *clean = exg_printable(rows[i].name);
        g_autofree char *name = exg_text_shorten(clean, name_width);
        fprintf(file, "%s%*s", name, (int)(name_width - exg_text_width(name) + GAP), "");
        if (rows[i].note == NULL) {
            print_digits(shape, rows[i].digits, from, to, file);
            continue;
        }
        guint room = MAX(shape->width, name_width + GAP + 1) - name_width - GAP;
        g_autofree char *note = exg_printable(rows[i].note);
        g_autofree char *short_note = exg_text_shorten(note, room);
        fprintf(file, "%s\n", short_note);
    }
}

static void
print_legend(const ExgGridShape *shape, FILE *file)
{
    guint column = 0;
    for (guint i = 0; i < G_N_ELEMENTS(legend); i++) {
        const Look *look = &looks[legend[i]];
        guint width = 2 + exg_text_width(look->word);
        if (column > 0 && column + LEGEND_GAP + width > shape->width) {
            fputc('\n', file);
            column = 0;
        }
        fprintf(file, "%*s", column > 0 ? LEGEND_GAP : 0, "");
        column += width + (column > 0 ? LEGEND_GAP : 0);
        print_look(shape, look, 1, file);
        fprintf(file, " %s", look->word);
    }
    fputc('\n', file);
}

static guint
name_width_of(const ExgGridRow *rows, guint n_rows, const ExgGridShape *shape)
{
    guint longest = 0, a_day = MIN(24 * 60 / shape->interval_min, shape->n_intervals);
    for (guint i = 0; i < n_rows; i++) {
        g_autofree char *name = exg_printable(rows[i].name);
        longest = MAX(longest, exg_text_width(name));
    }
    guint room = shape->width > a_day + GAP ? shape->width - a_day - GAP : 0;
    return MIN(longest, MAX(room, NAME_MIN));
}

void
exg_grid_print(const ExgGridRow *rows, guint n_rows, const ExgGridShape *shape, FILE *file)
{
    guint name_width = name_width_of(rows, n_rows, shape);
    guint an_hour = MAX(60 / shape->interval_min, 1);
    guint room = shape->width > name_width + GAP ? shape->width - name_width - GAP : 0;
    guint chunk = MAX(room / an_hour * an_hour, an_hour);
    for (guint from = 0, end; from < shape->n_intervals; from = end) {
        end = end_of_day(shape, from);
        g_autoptr(GDateTime) time = time_of(shape, from);
        g_autofree char *day = g_date_time_format(time, "%A, %e %B %Y");
        g_autofree char *zone = g_date_time_format(time, "UTC%:z");
        fprintf(file, "%s%s%s, %s\n", shape->colour ? "\033[1m" : "", day,
                shape->colour ? "\033[0m" : "", zone);
        for (guint at = from; at < end; at += chunk)
            print_block(rows, n_rows, shape, name_width, at, MIN(at + chunk, end), file);
        fputc('\n', file);
    }
    print_legend(shape, file);
}
