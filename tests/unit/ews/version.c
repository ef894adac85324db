#include "common/ews/version.h"

#include "tests/lib/ews-fixture.h"

#include <string.h>

static ExgEwsBuild
build_of(const char *text)
{
    ExgEwsBuild build = {{0}};
    g_auto(GStrv) parts = g_strsplit(text, ".", 4);
    g_assert_cmpuint(g_strv_length(parts), ==, 4);
    for (guint i = 0; i < 4; i++)
        build.part[i] = (guint)g_ascii_strtoull(parts[i], NULL, 10);
    return build;
}

static void
test_table(void)
{
    static const struct {
        const char *build, *version, *product;
    } rows[] = {
        {"15.20.8000.1", "Exchange2016", "Exchange Online"},
        {"15.2.1544.9", "Exchange2016", "Exchange 2019 or SE"},
        {"15.1.2507.6", "Exchange2016", "Exchange 2016"},
        {"15.0.1497.2", "Exchange2013_SP1", "Exchange 2013 SP1"},
        {"15.0.847.0", "Exchange2013_SP1", "Exchange 2013 SP1"},
        {"15.0.846.99", "Exchange2013", "Exchange 2013"},
        {"14.3.123.4", "Exchange2010_SP2", "Exchange 2010 SP3"},
        {"14.2.247.5", "Exchange2010_SP2", "Exchange 2010 SP2"},
        {"14.1.218.15", "Exchange2010_SP1", "Exchange 2010 SP1"},
        {"14.0.639.21", "Exchange2010", "Exchange 2010"},
        {"8.3.83.6", "Exchange2007_SP1", "Exchange 2007 SP3"},
        {"8.1.240.6", "Exchange2007_SP1", "Exchange 2007 SP1"},
        {"8.0.685.24", "Exchange2007", "Exchange 2007"},
        {"16.0.0.0", NULL, NULL},
        {"15.4.0.0", NULL, NULL},
        {"0.0.0.0", NULL, NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        ExgEwsBuild build = build_of(rows[i].build);
        g_assert_cmpstr(exg_ews_build_version(&build), ==, rows[i].version);
        g_assert_cmpstr(exg_ews_build_product(&build), ==, rows[i].product);
    }
}

static void
test_compare(void)
{
    ExgEwsBuild a = build_of("15.2.9.1"), b = build_of("15.2.10.0");
    g_assert_cmpint(exg_ews_build_compare(&a, &b), <, 0);
    g_assert_cmpint(exg_ews_build_compare(&b, &a), >, 0);
    g_assert_cmpint(exg_ews_build_compare(&a, &a), ==, 0);
}

static void
test_order(void)
{
    static const char *const oldest_first[] = {
        "Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2",
        "Exchange2013", "Exchange2013_SP1", "Exchange2015", "Exchange2015_SP1", "Exchange2016"};
    for (guint i = 0; i + 1 < G_N_ELEMENTS(oldest_first); i++)
        g_assert_cmpint(exg_ews_version_compare(oldest_first[i], oldest_first[i + 1]), <, 0);
    g_assert_cmpstr(exg_ews_version_find("Exchange2016"), ==, EXG_EWS_NEWEST_VERSION);
    g_assert_null(exg_ews_version_find("Exchange2019"));
    g_assert_null(exg_ews_version_find(NULL));
}

/* --- the header ------------------------------------------------------------------------------- */

static bool
read_info(const char *header, ExgEwsServerInfo *ret_info)
{
    static const ExgXmlLimits limits = {.total_bytes = 65536, .depth = 32, .attributes = 32};
    g_autofree char *text = g_strconcat(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>", header,
        "</s:Header><s:Body/></s:Envelope>", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgXmlTree) tree = exg_xml_tree_parse(text, strlen(text), &limits, 1000, &error);
    g_assert_no_error(error);
    return exg_ews_server_info_read(exg_xml_tree_root(tree), ret_info);
}

#define TYPES "xmlns=\"http://schemas.microsoft.com/exchange/services/2006/types\""
#define DISCO "xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\""

static void
test_header(void)
{
    ExgEwsServerInfo info;
    g_assert_true(read_info("<ServerVersionInfo " TYPES " MajorVersion=\"15\" MinorVersion=\"1\" "
                            "MajorBuildNumber=\"2507\" MinorBuildNumber=\"6\" "
                            "Version=\"V2017_07_11\"/>",
                            &info));
    g_assert_cmpuint(info.build.part[2], ==, 2507);
    g_assert_cmpstr(info.version, ==, "V2017_07_11");
    /* as elements, of autodiscover; the version may be missing */
    g_assert_true(read_info("<ServerVersionInfo " DISCO "><MajorVersion>14</MajorVersion>"
                            "<MinorVersion>3</MinorVersion><MajorBuildNumber>123</MajorBuildNumber>"
                            "<MinorBuildNumber>4</MinorBuildNumber></ServerVersionInfo>",
                            &info));
    g_assert_cmpuint(info.build.part[0], ==, 14);
    g_assert_cmpstr(info.version, ==, "");
}

static void
test_bad_headers(void)
{
    static const char *const headers[] = {
        "",
        "<ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"1\" MajorBuildNumber=\"1\" "
        "MinorBuildNumber=\"1\"/>",
        "<ServerVersionInfo " TYPES "/>",
        "<ServerVersionInfo " TYPES " MajorVersion=\"15\" MinorVersion=\"1\" "
        "MajorBuildNumber=\"1\"/>",
        "<ServerVersionInfo " TYPES " MajorVersion=\"15\" MinorVersion=\"1\" "
        "MajorBuildNumber=\"x\" MinorBuildNumber=\"1\"/>",
        "<ServerVersionInfo " TYPES " MajorVersion=\"15\" MinorVersion=\"-1\" "
        "MajorBuildNumber=\"1\" MinorBuildNumber=\"1\"/>",
    };
    for (guint i = 0; i < G_N_ELEMENTS(headers); i++) {
        ExgEwsServerInfo info = {.build = {{1, 2, 3, 4}}};
        g_assert_false(read_info(headers[i], &info));
        g_assert_cmpuint(info.build.part[0], ==, 1); /* untouched */
    }
    /* a version that does not belong into a log is left out */
    ExgEwsServerInfo info;
    g_assert_true(read_info("<ServerVersionInfo " TYPES " MajorVersion=\"15\" MinorVersion=\"1\" "
                            "MajorBuildNumber=\"1\" MinorBuildNumber=\"1\" Version=\"a&#10;b\"/>",
                            &info));
    g_assert_cmpstr(info.version, ==, "");
}

/* --- what to speak ---------------------------------------------------------------------------- */

static ExgEwsServerInfo
info_of(const char *build)
{
    return (ExgEwsServerInfo){.build = build_of(build)};
}

static void
test_optimistic(void)
{
    ExgEwsVersions versions;
    exg_ews_versions_init(&versions, NULL);
    g_assert_cmpstr(exg_ews_versions_choose(&versions, "a@x", false), ==, "Exchange2016");
    /* what must not be repeated waits for certainty */
    g_assert_cmpstr(exg_ews_versions_choose(&versions, "a@x", true), ==, "Exchange2013_SP1");
    ExgEwsServerInfo info = info_of("15.2.1544.9");
    exg_ews_versions_learn(&versions, "a@x", &info);
    g_assert_cmpstr(exg_ews_versions_choose(&versions, "a@x", true), ==, "Exchange2016");
    exg_ews_versions_clear(&versions);
}

static void
test_older_server(void)
{
    ExgEwsVersions versions;
    exg_ews_versions_init(&versions, NULL);
    ExgEwsServerInfo info = info_of("14.3.123.4");
    exg_ews_versions_learn(&versions, NULL, &info);
    g_assert_true(exg_ews_versions_refused(&versions, NULL, "Exchange2016",
                                           "ErrorInvalidServerVersion", NULL));
    g_assert_cmpstr(exg_ews_versions_choose(&versions, NULL, false), ==, "Exchange2010_SP2");
    /* the refusals of the calls that were under way with it change nothing more */
    g_assert_true(exg_ews_versions_refused(&versions, NULL, "Exchange2016",
                                           "ErrorInvalidServerVersion", NULL));
    g_assert_cmpstr(exg_ews_versions_choose(&versions, NULL, false), ==, "Exchange2010_SP2");
    /* for an operation that is younger, there is none to try */
    g_assert_false(exg_ews_versions_refused(&versions, NULL, "Exchange2016",
                                            "ErrorInvalidServerVersion", "Exchange2013"));
    exg_ews_versions_clear(&versions);
}

/* A server that does not say what it is: one version after the other, down to the oldest. */
static void
test_all_refused(void)
{
    ExgEwsVersions versions;
    exg_ews_versions_init(&versions, NULL);
    guint tries = 1;
    for (;;) {
        const char *version = exg_ews_versions_choose(&versions, NULL, false);
        if (!exg_ews_versions_refused(&versions, NULL, version, "ErrorInvalidServerVersion", NULL))
            break;
        g_assert_cmpint(
            exg_ews_version_compare(exg_ews_versions_choose(&versions, NULL, false), version), <,
            0);
        tries++;
    }
    g_assert_cmpuint(tries, ==, 10);
    exg_ews_versions_clear(&versions);
}

static void
test_older_mailbox(void)
{
    ExgEwsVersions versions;
    exg_ews_versions_init(&versions, NULL);
    ExgEwsServerInfo front = info_of("15.1.2507.6"), back = info_of("14.3.123.4");
    exg_ews_versions_learn(&versions, NULL, &front);
    g_assert_true(exg_ews_versions_refused(&versions, "Old@x", "Exchange2016",
                                           "ErrorInvalidSchemaVersionForMailboxVersion", NULL));
    g_assert_cmpstr(exg_ews_versions_choose(&versions, "old@X", false), ==, "Exchange2015_SP1");
    exg_ews_versions_learn(&versions, "old@x", &back);
    g_assert_cmpstr(exg_ews_versions_choose(&versions, "old@x", false), ==, "Exchange2010_SP2");
    g_assert_cmpstr(exg_ews_versions_choose(&versions, "new@x", false), ==, "Exchange2016");
    g_assert_cmpuint(versions.info.build.part[0], ==, 15);
    /* it has moved */
    exg_ews_versions_learn(&versions, "old@x", &front);
    g_assert_cmpstr(exg_ews_versions_choose(&versions, "old@x", false), ==, "Exchange2016");
    g_assert_cmpuint(g_hash_table_size(versions.older), ==, 0);
    for (guint i = 0; i < 3 * EXG_EWS_MAX_OLDER_MAILBOXES; i++) {
        g_autofree char *mailbox = g_strdup_printf("%u@x", i);
        exg_ews_versions_learn(&versions, mailbox, &back);
        g_assert_cmpuint(g_hash_table_size(versions.older), <=, EXG_EWS_MAX_OLDER_MAILBOXES);
    }
    exg_ews_versions_clear(&versions);
}

static void
test_invalid_request(void)
{
    ExgEwsVersions versions;
    exg_ews_versions_init(&versions, NULL);
    g_assert_false(
        exg_ews_versions_refused(&versions, "a@x", "Exchange2016", "ErrorInvalidRequest", NULL));
    ExgEwsServerInfo info = info_of("15.0.847.30");
    exg_ews_versions_learn(&versions, "a@x", &info);
    g_assert_true(
        exg_ews_versions_refused(&versions, "a@x", "Exchange2016", "ErrorInvalidRequest", NULL));
    g_assert_false(exg_ews_versions_refused(&versions, "a@x", "Exchange2013_SP1",
                                            "ErrorInvalidRequest", NULL));
    g_assert_false(
        exg_ews_versions_refused(&versions, "a@x", "Exchange2016", "ErrorItemNotFound", NULL));
    g_assert_false(exg_ews_versions_refused(&versions, "a@x", "Exchange2016", NULL, NULL));
    exg_ews_versions_clear(&versions);
}

static void
test_configured(void)
{
    ExgEwsVersions versions;
    exg_ews_versions_init(&versions, "Exchange2010_SP1");
    ExgEwsServerInfo info = info_of("15.2.1544.9");
    exg_ews_versions_learn(&versions, "a@x", &info);
    g_assert_cmpstr(exg_ews_versions_choose(&versions, "a@x", true), ==, "Exchange2010_SP1");
    g_assert_false(exg_ews_versions_refused(&versions, "a@x", "Exchange2010_SP1",
                                            "ErrorInvalidServerVersion", NULL));
    g_assert_cmpuint(versions.info.build.part[1], ==, 2);
    exg_ews_versions_clear(&versions);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ews/version/A9.2-build-table", test_table);
    g_test_add_func("/ews/version/A9.1-builds-compare", test_compare);
    g_test_add_func("/ews/version/A9.3-order-of-versions", test_order);
    g_test_add_func("/ews/version/A9.1,A9.5-server-version-info", test_header);
    g_test_add_func("/ews/version/A9.5-malformed-server-version-info", test_bad_headers);
    g_test_add_func("/ews/version/A9.4,A6.8,F10-newest-first-without-a-probe", test_optimistic);
    g_test_add_func("/ews/version/A9.6,A9.10-older-server", test_older_server);
    g_test_add_func("/ews/version/A9.7-all-refused", test_all_refused);
    g_test_add_func("/ews/version/A9.6,A9.9-older-mailbox", test_older_mailbox);
    g_test_add_func("/ews/version/A9.8,F16-invalid-request-is-believed-with-proof-only",
                    test_invalid_request);
    g_test_add_func("/ews/version/A1.11-configured", test_configured);
    return g_test_run();
}
