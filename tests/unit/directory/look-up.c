/* The witnesses in each order: who is asked, when that is enough, and what is concluded. */
#include "common/directory/look-up-private.h"
#include "tests/unit/directory/fixture.h"

/* What they say, if they are asked. */
typedef struct {
    int open; /* STORE_HAS_IT, or an ExgErrorCode */
    ExgSourceWord tips;
    gint64 n_members;
    int tips_error; /* NO_ERROR, or an ExgErrorCode */
    ExgRecipientKind resolve;
    int resolve_error;
} World;

static void
run(Fixture *fixture, const char *order, bool wants_tips, const World *world, Outcome *outcome)
{
    g_auto(GStrv) words = g_strsplit(order, " ", -1);
    g_autoptr(ExgDirectorySource) source = fake_source_with_tips(fixture);
    ExgLookUpPlan plan = {.source = source, .wants_tips = wants_tips};
    g_assert_true(exg_directory_order_parse((const char *const *)words, &plan.order, NULL));
    const ExgDirectoryTips tips = {
        .known = world->tips != EXG_SOURCE_SAYS_NO, .full = true, .n_members = world->n_members};
    fixture->opened = fixture->identified = fixture->told = 0;
    *outcome = (Outcome){0};
    exg_directory_look_up(&plan, "ann@x", EXG_NO_DEADLINE, NULL, keep_outcome, outcome);
    while (outcome->answers == 0) {
        if (fixture->opening.length > 0)
            store_says(fixture, world->open);
        else if (fixture->identifying.length > 0)
            directory_says(fixture, world->resolve, world->resolve_error);
        else
            tips_say(fixture, world->tips, &tips, world->tips_error);
    }
    g_assert_cmpuint(outcome->answers, ==, 1);
}

#define USUAL   "map open tips resolve"
#define LMTP    false
#define GATE    true
#define NOBODY  EXG_RECIPIENT_NOBODY
#define MAILBOX EXG_RECIPIENT_MAILBOX
#define GROUP   EXG_RECIPIENT_GROUP
#define UNKNOWN EXG_RECIPIENT_UNKNOWN
#define NO      EXG_SOURCE_SAYS_NO
#define YES     EXG_SOURCE_SAYS_YES
#define SILENT  EXG_SOURCE_SILENT
#define NONE    EXG_ERROR_NO_MAILBOX

/* clang-format off: a row is a line */
static const struct {
    const char *order;
    bool wants_tips;
    World world;
    const char *asked; /* o, t and r: how often */
    ExgDirectoryVerdict verdict;
    ExgRecipientKind kind;
    bool has_tips;
} orders_rows[] = {
    /* the usual order, for deliveries: as few questions as there can be */
    {USUAL, LMTP, {.open = STORE_HAS_IT}, "o", EXG_DIRECTORY_DELIVERABLE, MAILBOX, false},
    {USUAL, LMTP, {NONE, NO, 0, -1, NOBODY, -1}, "o r", EXG_DIRECTORY_NO_SUCH, NOBODY, false},
    {USUAL, LMTP, {NONE, YES, 0, -1, GROUP, -1}, "o r", EXG_DIRECTORY_NOT_A_MAILBOX, GROUP, false},
    {USUAL,
     LMTP,
     {NONE, YES, 0, -1, MAILBOX, -1},
     "o r",
     EXG_DIRECTORY_CANNOT_TELL,
     MAILBOX,
     false},
    /* and for a gate: with tips */
    {USUAL,
     GATE,
     {STORE_HAS_IT, YES, 0, -1, UNKNOWN, -1},
     "o t",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     true},
    {USUAL,
     GATE,
     {STORE_HAS_IT, NO, 0, -1, UNKNOWN, -1},
     "o t",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     false},
    {USUAL,
     GATE,
     {STORE_HAS_IT, SILENT, 0, EXG_ERROR_BUSY, UNKNOWN, -1},
     "o t",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     false},
    {USUAL, GATE, {NONE, NO, 0, -1, NOBODY, -1}, "o t r", EXG_DIRECTORY_NO_SUCH, NOBODY, false},
    {USUAL, GATE, {NONE, YES, 7, -1, GROUP, -1}, "o t r", EXG_DIRECTORY_NOT_A_MAILBOX, GROUP, true},
    /* a group that the address list hides, and a mailbox that the store does not open */
    {USUAL,
     GATE,
     {NONE, YES, 7, -1, NOBODY, -1},
     "o t r",
     EXG_DIRECTORY_NOT_A_MAILBOX,
     GROUP,
     true},
    {USUAL,
     GATE,
     {NONE, YES, 0, -1, NOBODY, -1},
     "o t r",
     EXG_DIRECTORY_CANNOT_TELL,
     MAILBOX,
     true},
    /* invalid is not proof */
    {USUAL,
     GATE,
     {NONE, NO, 0, -1, MAILBOX, -1},
     "o t r",
     EXG_DIRECTORY_CANNOT_TELL,
     MAILBOX,
     false},
    {USUAL, GATE, {NONE, NO, 0, -1, GROUP, -1}, "o t r", EXG_DIRECTORY_NOT_A_MAILBOX, GROUP, false},
    {"open tips",
     LMTP,
     {STORE_HAS_IT, NO, 0, -1, UNKNOWN, -1},
     "o",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     false},
    /* tips that are silent are no witness; the others are two */
    {USUAL, GATE, {NONE, SILENT, 0, -1, NOBODY, -1}, "o t r", EXG_DIRECTORY_NO_SUCH, NOBODY, false},
    {USUAL,
     GATE,
     {NONE, SILENT, 0, EXG_ERROR_REJECTED, NOBODY, -1},
     "o t r",
     EXG_DIRECTORY_NO_SUCH,
     NOBODY,
     false},
    /* others that are silent leave it open, whatever else is said */
    {USUAL, GATE, {.open = EXG_ERROR_DENIED}, "o", EXG_DIRECTORY_CANNOT_TELL, UNKNOWN, false},
    {USUAL,
     GATE,
     {NONE, NO, 0, -1, NOBODY, EXG_ERROR_BUSY},
     "o t r",
     EXG_DIRECTORY_CANNOT_TELL,
     UNKNOWN,
     false},
    /* without the right to open mailboxes */
    {"tips resolve",
     GATE,
     {0, YES, 0, -1, UNKNOWN, -1},
     "t",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     true},
    {"tips resolve", GATE, {0, NO, 0, -1, NOBODY, -1}, "t r", EXG_DIRECTORY_NO_SUCH, NOBODY, false},
    {"tips resolve",
     GATE,
     {0, NO, 0, -1, MAILBOX, -1},
     "t r",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     false},
    {"tips resolve",
     GATE,
     {0, YES, 3, -1, GROUP, -1},
     "t r",
     EXG_DIRECTORY_NOT_A_MAILBOX,
     GROUP,
     true},
    {"tips resolve", LMTP, {0, NO, 0, -1, NOBODY, -1}, "t r", EXG_DIRECTORY_NO_SUCH, NOBODY, false},
    {"tips resolve",
     GATE,
     {0, SILENT, 0, EXG_ERROR_UNREACHABLE, NOBODY, -1},
     "t r",
     EXG_DIRECTORY_CANNOT_TELL,
     UNKNOWN,
     false},
    {"resolve tips",
     GATE,
     {0, YES, 0, -1, MAILBOX, -1},
     "r t",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     true},
    {"resolve open",
     GATE,
     {NONE, 0, 0, 0, MAILBOX, -1},
     "r",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     false},
    {"resolve open",
     GATE,
     {NONE, 0, 0, 0, GROUP, -1},
     "r o",
     EXG_DIRECTORY_NOT_A_MAILBOX,
     GROUP,
     false},
    {"resolve open",
     GATE,
     {STORE_HAS_IT, 0, 0, 0, NOBODY, -1},
     "r o",
     EXG_DIRECTORY_DELIVERABLE,
     MAILBOX,
     false},
    /* one witness refuses nobody */
    {"open", LMTP, {.open = NONE}, "o", EXG_DIRECTORY_CANNOT_TELL, UNKNOWN, false},
    {"resolve",
     GATE,
     {.resolve = NOBODY, .resolve_error = -1},
     "r",
     EXG_DIRECTORY_CANNOT_TELL,
     UNKNOWN,
     false},
    {"tips", GATE, {0, NO, 0, -1, UNKNOWN, -1}, "t", EXG_DIRECTORY_CANNOT_TELL, UNKNOWN, false},
    {"map", GATE, {0}, "", EXG_DIRECTORY_CANNOT_TELL, UNKNOWN, false},
};
/* clang-format on */

static void
orders(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < G_N_ELEMENTS(orders_rows); i++) {
        Outcome outcome;
        run(fixture, orders_rows[i].order, orders_rows[i].wants_tips, &orders_rows[i].world,
            &outcome);
        guint opened = strchr(orders_rows[i].asked, 'o') != NULL;
        guint told = strchr(orders_rows[i].asked, 't') != NULL;
        guint identified = strchr(orders_rows[i].asked, 'r') != NULL;
        if (outcome.verdict != orders_rows[i].verdict || outcome.kind != orders_rows[i].kind ||
            outcome.tips.known != orders_rows[i].has_tips || fixture->opened != opened ||
            fixture->told != told || fixture->identified != identified)
            g_error("row %u, %s: verdict %d, kind %d, tips %d, asked %u %u %u", i,
                    orders_rows[i].order, (int)outcome.verdict, (int)outcome.kind,
                    outcome.tips.known, fixture->opened, fixture->told, fixture->identified);
        if (outcome.verdict == EXG_DIRECTORY_NO_SUCH)
            g_assert_cmpint(outcome.error, ==, EXG_ERROR_NO_MAILBOX);
        if (outcome.verdict == EXG_DIRECTORY_CANNOT_TELL && outcome.kind == UNKNOWN)
            g_assert_cmpint(outcome.error, !=, -1);
    }
}

/* The map stands where it was put: behind the store, it speaks for those whom that denies. */
static void
map_at_the_end(Fixture *fixture, gconstpointer data)
{
    g_autoptr(ExgDirectorySource) source = fake_source(fixture);
    g_assert_true(g_file_set_contents(fixture->path, "ann@x\nall@x group\n", -1, NULL));
    g_autoptr(ExgRecipientMap) map = exg_recipient_map_new(fixture->engine, fixture->path, NULL);
    const ExgLookUpPlan plan = {
        .source = source, .map = map, .order = {{EXG_STEP_OPEN, EXG_STEP_MAP, EXG_STEP_RESOLVE}}};
    const struct {
        const char *address;
        ExgDirectoryVerdict verdict;
        ExgDirectoryOrigin origin;
    } rows[] = {
        {"ann@x", EXG_DIRECTORY_DELIVERABLE, EXG_DIRECTORY_LISTED},
        {"all@x", EXG_DIRECTORY_NOT_A_MAILBOX, EXG_DIRECTORY_LISTED},
        {"bob@x", EXG_DIRECTORY_NO_SUCH, EXG_DIRECTORY_ASKED},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Outcome outcome = {0};
        exg_directory_look_up(&plan, rows[i].address, EXG_NO_DEADLINE, NULL, keep_outcome,
                              &outcome);
        store_says(fixture, EXG_ERROR_NO_MAILBOX);
        if (rows[i].origin == EXG_DIRECTORY_ASKED)
            directory_says(fixture, EXG_RECIPIENT_NOBODY, NO_ERROR);
        assert_outcome_at(&outcome, rows[i].verdict, rows[i].origin, rows[i].address);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/look-up/orders", orders);
    ADD("/look-up/map-at-the-end", map_at_the_end);
    return g_test_run();
}
