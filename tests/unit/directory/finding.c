/* What a finding is called, and that a copy is its holder's own. */
#include "common/directory/finding.h"

#include "common/base/error.h"

static void
names(void)
{
    for (guint i = 0; i < EXG_N_RECIPIENT_KINDS; i++) {
        ExgRecipientKind kind = (ExgRecipientKind)i;
        g_assert_cmpint(exg_recipient_kind_find(exg_recipient_kind_name(kind)), ==, kind);
        g_assert_nonnull(exg_recipient_kind_words(kind));
    }
    g_assert_cmpint(exg_recipient_kind_find("boss"), ==, EXG_RECIPIENT_UNKNOWN);
    g_assert_cmpint(exg_recipient_kind_find(NULL), ==, EXG_RECIPIENT_UNKNOWN);
    g_assert_cmpstr(exg_directory_origin_name(EXG_DIRECTORY_LISTED), ==, "listed");
    g_assert_cmpstr(exg_directory_verdict_name(EXG_DIRECTORY_CANNOT_TELL), ==, "cannot-tell");
}

static void
copies(void)
{
    GError *why = exg_error_new(EXG_ERROR_BUSY, "Later");
    exg_error_set_retry_after(why, 5000);
    const ExgDirectoryFinding finding = {
        .verdict = EXG_DIRECTORY_CANNOT_TELL, .why = why, .tips = {.known = true, .full = true}};
    ExgDirectoryFinding *copy = exg_directory_finding_copy(&finding);
    g_error_free(why);
    g_assert_error(copy->why, EXG_ERROR, EXG_ERROR_BUSY);
    g_assert_cmpint(exg_error_facts(copy->why)->retry_after_ms, ==, 5000);
    g_assert_true(copy->tips.full);
    exg_directory_finding_free(copy);
    g_assert_null(exg_directory_finding_copy(NULL));
    exg_directory_finding_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/directory-finding/names", names);
    g_test_add_func("/directory-finding/copies", copies);
    return g_test_run();
}
