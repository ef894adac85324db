#include "common/base/disposition.h"

#include "common/base/error.h"

static void
test_success(void)
{
    ExgDisposition disposition = exg_disposition_of(NULL);
    g_assert_cmpint(disposition.smtp_code, ==, 250);
    g_assert_cmpstr(disposition.enhanced, ==, "2.0.0");
}

/* The classes agree, whatever a lower layer asks for, and what must never bounce does not. */
static void
test_never_bounces(void)
{
    static const int asked[] = {0, 250, 354, 421, 450, 552, 550, 999};
    static const char *const enhanced[] = {"", "5.1.1", "4.2.0", "2.0.0", "nonsense"};
    for (int code = 0; code < EXG_N_ERRORS; code++) {
        for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
            for (guint j = 0; j < G_N_ELEMENTS(enhanced); j++) {
                g_autoptr(GError) error = exg_error_new((ExgErrorCode)code, "x");
                exg_error_set_reply(error, asked[i], enhanced[j]);
                ExgDisposition disposition = exg_disposition_of(error);
                g_assert_cmpint(disposition.enhanced[0] - '0', ==, disposition.smtp_code / 100);
                g_assert_true(disposition.smtp_code / 100 == 4 || disposition.smtp_code / 100 == 5);
                g_assert_cmpint(disposition.permanent, ==, disposition.smtp_code / 100 == 5);
                bool may_bounce = code == EXG_ERROR_NO_MAILBOX || code == EXG_ERROR_QUOTA ||
                                  code == EXG_ERROR_TOO_LARGE || code == EXG_ERROR_REJECTED;
                if (!may_bounce)
                    g_assert_false(disposition.permanent);
            }
        }
    }
}

static void
test_table(void)
{
    static const struct {
        ExgErrorCode code;
        int smtp_code;
        const char *enhanced;
    } rows[] = {
        {EXG_ERROR_UNREACHABLE, 451, "4.4.1"}, {EXG_ERROR_BUSY, 451, "4.3.2"},
        {EXG_ERROR_AUTH, 451, "4.7.0"},        {EXG_ERROR_DENIED, 451, "4.7.0"},
        {EXG_ERROR_NO_MAILBOX, 550, "5.1.1"},  {EXG_ERROR_QUOTA, 452, "4.2.2"},
        {EXG_ERROR_TOO_LARGE, 552, "5.3.4"},   {EXG_ERROR_REJECTED, 554, "5.6.0"},
        {EXG_ERROR_PROTOCOL, 451, "4.3.5"},    {EXG_ERROR_CONFIG, 451, "4.3.5"},
        {EXG_ERROR_AMBIGUOUS, 451, "4.4.2"},   {EXG_ERROR_RESOURCES, 452, "4.3.1"},
    };
    g_assert_cmpuint(G_N_ELEMENTS(rows), ==, EXG_N_ERRORS);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = exg_error_new(rows[i].code, "x");
        ExgDisposition disposition = exg_disposition_of(error);
        g_assert_cmpint(disposition.smtp_code, ==, rows[i].smtp_code);
        g_assert_cmpstr(disposition.enhanced, ==, rows[i].enhanced);
        g_assert_nonnull(disposition.label);
        g_assert_nonnull(disposition.meaning);
    }
}

static void
test_enhanced(void)
{
    static const struct {
        const char *text;
        int smtp_code;
        bool fits;
    } rows[] = {
        {"2.0.0", 250, true},     {"5.7.999", 550, true}, {"4.1.1", 550, false},
        {"", 250, false},         {"5", 550, false},      {"5.1", 550, false},
        {"5.1.", 550, false},     {"5..1", 550, false},   {"5.1.1.1", 550, false},
        {"5.1234.1", 550, false}, {"55.1.1", 550, false}, {"5.1.1 x", 550, false},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_true(exg_enhanced_fits(rows[i].text, rows[i].smtp_code) == rows[i].fits);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/disposition/success", test_success);
    g_test_add_func("/disposition/never-bounces", test_never_bounces);
    g_test_add_func("/disposition/table", test_table);
    g_test_add_func("/disposition/enhanced", test_enhanced);
    return g_test_run();
}
