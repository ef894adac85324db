#include "tests/exchange-sim/validate.h"

#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/schema.h"

#include <string.h>

#define ENVELOPE(header, body)                                                                     \
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope "                                       \
    "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "                                       \
    "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" "                       \
    "xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">" header             \
    "<s:Body>" body "</s:Body></s:Envelope>"
#define HEADER                                                                                     \
    "<s:Header><t:RequestServerVersion "                                                           \
    "Version=\"Exchange2013_SP1\"/><t:ExchangeImpersonation><t:ConnectingSID>"                     \
    "<t:SmtpAddress>ann@example.com</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></" \
    "s:Header>"

static const char create_item[] = ENVELOPE(
    HEADER,
    "<m:CreateItem MessageDisposition=\"SaveOnly\"><m:SavedItemFolderId><t:DistinguishedFolderId "
    "Id=\"inbox\"/>"
    "</m:SavedItemFolderId><m:Items><t:Message><t:MimeContent "
    "CharacterSet=\"UTF-8\">QQ0KDQo=</t:MimeContent>"
    "<t:ItemClass>IPM.Note</t:ItemClass>"
    "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x0E07\" "
    "PropertyType=\"Integer\"/><t:Value>0</t:Value>"
    "</t:ExtendedProperty>"
    "<t:ExtendedProperty><t:ExtendedFieldURI "
    "PropertySetId=\"8d0f2f5e-6c1b-4a53-9c2e-7f3a5d1b9e40\" "
    "PropertyName=\"DeliveryKey\" "
    "PropertyType=\"String\"/><t:Value>v1:00</t:Value></t:ExtendedProperty>"
    "<t:IsRead>false</t:IsRead></t:Message></m:Items></m:CreateItem>");

static const char find_item[] = ENVELOPE(
    HEADER,
    "<m:FindItem "
    "Traversal=\"Shallow\"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
    "<t:FieldURI FieldURI=\"item:DateTimeCreated\"/></t:AdditionalProperties></m:ItemShape>"
    "<m:IndexedPageItemView MaxEntriesReturned=\"10\" Offset=\"0\" BasePoint=\"Beginning\"/>"
    "<m:Restriction><t:IsEqualTo><t:FieldURI "
    "FieldURI=\"message:InternetMessageId\"/><t:FieldURIOrConstant>"
    "<t:Constant "
    "Value=\"&lt;1@example.org&gt;\"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>"
    "<m:ParentFolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:ParentFolderIds></m:FindItem>");

static const char resolve_names[] = ENVELOPE(
    HEADER, "<m:ResolveNames ReturnFullContactData=\"false\" SearchScope=\"ActiveDirectory\">"
            "<m:UnresolvedEntry>smtp:ann@example.com</m:UnresolvedEntry></m:ResolveNames>");

static const char get_folder[] = ENVELOPE(
    HEADER,
    "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>"
    "<t:DistinguishedFolderId Id=\"inbox\"><t:Mailbox><t:EmailAddress>bob@example.com"
    "</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>");

static const char get_item[] = ENVELOPE(
    "", "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:IncludeMimeContent>true"
        "</t:IncludeMimeContent></m:ItemShape><m:ItemIds><t:ItemId "
        "Id=\"AAMk\"/></m:ItemIds></m:GetItem>");

/* --- helpers ---------------------------------------------------------------------------------- */

static ExgSimDirectory *
new_directory(void)
{
    ExgSimDirectory *directory = exg_sim_directory_new(NULL);
    g_autoptr(GError) error = NULL;
    g_assert_true(exg_sim_directory_add(directory, "ann@example.com alias=a@example.com", &error));
    g_assert_no_error(error);
    return directory;
}

/* The code with which a request is refused, NULL if it is not; checks that a refusal says why. */
static const char *
verdict(ExgSimDirectory *directory, const char *request, gsize length)
{
    ExgSimCaller caller = {.account = g_strdup("svc"), .may_impersonate = true};
    g_autoptr(ExgSimCall) call = exg_sim_call_new(directory, &caller, request, length);
    if (call->refusal.code == NULL)
        return NULL;
    g_assert_cmpstr(call->refusal.text, !=, NULL);
    g_assert_cmpstr(call->refusal.text, !=, "");
    return g_intern_string(call->refusal.code);
}

static char *
replace(const char *text, const char *from, const char *to)
{
    const char *found = strstr(text, from);
    g_assert_nonnull(found);
    return g_strdup_printf("%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
}

/* --- tests ------------------------------------------------------------------------------------ */

static const char *const valid[] = {create_item, find_item, resolve_names, get_folder, get_item};

static void
test_valid(void)
{
    g_autoptr(ExgSimDirectory) directory = new_directory();
    for (guint i = 0; i < G_N_ELEMENTS(valid); i++)
        g_assert_cmpstr(verdict(directory, valid[i], strlen(valid[i])), ==, NULL);
}

/* One wrong thing each, in a request that is right without it. */
static const struct {
    const char *request, *from, *to, *code;
} wrong[] = {
    /* the envelope */
    {create_item, "http://schemas.xmlsoap", "https://schemas.xmlsoap", "ErrorSchemaValidation"},
    {create_item, "2006/messages", "2006/message", "ErrorSchemaValidation"},
    {create_item, "\"http://schemas.microsoft", "\"https://schemas.microsoft",
     "ErrorSchemaValidation"},
    {create_item, "<s:Header>", "<s:Body/><s:Header>", "ErrorSchemaValidation"},
    {create_item, "</s:Body>", "</s:Body><s:Body/>", "ErrorSchemaValidation"},
    {create_item, "</m:CreateItem>", "</m:CreateItem><m:GetItem/>", "ErrorSchemaValidation"},
    {create_item, "m:CreateItem ", "m:DoWhatIMean ", "ErrorSchemaValidation"},
    {get_item, "<s:Body>", "<s:Body><m:DoWhatIMean/></s:Body></s:Envelope><!--",
     "ErrorSchemaValidation"},
    /* the header */
    {create_item, "Exchange2013_SP1", "Exchange2019", "ErrorInvalidServerVersion"},
    {create_item, "Exchange2013_SP1", "exchange2013_sp1", "ErrorInvalidServerVersion"},
    {create_item, " Version=\"Exchange2013_SP1\"", "", "ErrorSchemaValidation"},
    {create_item, "<t:SmtpAddress>", "<t:SID>S-1</t:SID><t:SmtpAddress>", "ErrorSchemaValidation"},
    {create_item, "<t:SmtpAddress>ann@example.com</t:SmtpAddress>", "", "ErrorSchemaValidation"},
    {create_item, "ann@example.com</t:SmtpAddress>", "</t:SmtpAddress>", "ErrorSchemaValidation"},
    {create_item, "<t:RequestServerVersion", "<m:RequestServerVersion", "ErrorSchemaValidation"},
    {create_item, "ann@example.com", "nobody@example.com", "ErrorNonExistentMailbox"},
    {create_item, "<t:SmtpAddress>ann@example.com</t:SmtpAddress>",
     "<t:PrimarySmtpAddress>a@example.com</t:PrimarySmtpAddress>", "ErrorNonPrimarySmtpAddress"},
    /* order and presence */
    {create_item, "<t:ItemClass>", "<t:IsRead>true</t:IsRead><t:ItemClass>",
     "ErrorSchemaValidation"},
    {create_item, "<t:IsRead>false</t:IsRead>", "<t:ItemClass>IPM.Note</t:ItemClass>",
     "ErrorSchemaValidation"},
    {create_item, "<t:IsRead>", "<t:IsRead>true</t:IsRead><t:IsRead>", "ErrorSchemaValidation"},
    {create_item, "<m:Items>", "<m:Items><t:Letter/>", "ErrorSchemaValidation"},
    {create_item, "<m:SavedItemFolderId>", "<m:Items/><m:SavedItemFolderId>",
     "ErrorSchemaValidation"},
    {create_item, "<t:Value>0</t:Value>", "", "ErrorSchemaValidation"},
    {create_item, "<t:Value>0</t:Value>", "<t:Value>0</t:Value><t:Value>0</t:Value>",
     "ErrorSchemaValidation"},
    {find_item, "<m:Restriction>",
     "<m:ParentFolderIds><t:FolderId Id=\"x\"/></m:ParentFolderIds><m:Restriction>",
     "ErrorSchemaValidation"},
    {find_item, "<t:DistinguishedFolderId Id=\"inbox\"/>", "", "ErrorSchemaValidation"},
    {find_item, "<t:Constant Value", "<t:Constant Wert", "ErrorSchemaValidation"},
    {find_item, "<t:FieldURI FieldURI=\"message:InternetMessageId\"/>", "",
     "ErrorSchemaValidation"},
    {resolve_names, "<m:UnresolvedEntry>smtp:ann@example.com</m:UnresolvedEntry>", "",
     "ErrorSchemaValidation"},
    {get_folder, "t:EmailAddress>bob", "t:Address>bob", "ErrorSchemaValidation"},
    {get_item, "<t:ItemId Id=\"AAMk\"/>", "<t:ItemId/>", "ErrorSchemaValidation"},
    {get_item, "<t:ItemId Id=\"AAMk\"/>", "words<t:ItemId Id=\"AAMk\"/>", "ErrorSchemaValidation"},
    /* attributes and values */
    {create_item, "SaveOnly", "Saveonly", "ErrorSchemaValidation"},
    {create_item, "\"inbox\"", "\"Inbox\"", "ErrorSchemaValidation"},
    {create_item, "0x0E07", "0x0E070003", "ErrorSchemaValidation"},
    {create_item, "0x0E07", "65536", "ErrorSchemaValidation"},
    {create_item, "\"Integer\"", "\"Int32\"", "ErrorSchemaValidation"},
    {create_item, " PropertyType=\"Integer\"", "", "ErrorSchemaValidation"},
    {create_item, "\"8d0f2f5e-6c1b-4a53-9c2e-7f3a5d1b9e40\"",
     "\"{8d0f2f5e-6c1b-4a53-9c2e-7f3a5d1b9e40}\"", "ErrorSchemaValidation"},
    {create_item, "<t:IsRead>false", "<t:IsRead>no", "ErrorSchemaValidation"},
    {create_item, "<t:Message>", "<t:Message Kind=\"x\">", "ErrorSchemaValidation"},
    {find_item, " Traversal=\"Shallow\"", "", "ErrorSchemaValidation"},
    {find_item, "item:DateTimeCreated", "item:DateTimeCreation", "ErrorSchemaValidation"},
    {find_item, "Offset=\"0\"", "Offset=\"first\"", "ErrorSchemaValidation"},
    {find_item, " Offset=\"0\"", "", "ErrorSchemaValidation"},
    {resolve_names, "\"false\"", "\"False\"", "ErrorSchemaValidation"},
    {resolve_names, " ReturnFullContactData=\"false\"", "", "ErrorSchemaValidation"},
    {get_item, "AllProperties", "All", "ErrorSchemaValidation"},
    /* form */
    {create_item, "</t:Message>", "</t:Massage>", "ErrorSchemaValidation"},
    {create_item, "v1:00", "v1:&#x3;", "ErrorSchemaValidation"},
    {create_item, "v1:00", "v1:&#0;", "ErrorSchemaValidation"},
    {create_item, "v1:00", "v1:\x03", "ErrorSchemaValidation"},
    {create_item, "v1:00", "v1:\xff\xfe", "ErrorSchemaValidation"},
    {create_item, "v1:00", "v1:&uuml;", "ErrorSchemaValidation"},
    {create_item, "?><s:", "?><!DOCTYPE a><s:", "ErrorSchemaValidation"},
};

static void
test_refused(void)
{
    g_autoptr(ExgSimDirectory) directory = new_directory();
    for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *request = replace(wrong[i].request, wrong[i].from, wrong[i].to);
        g_test_message("%s -> %s", wrong[i].from, wrong[i].to);
        g_assert_cmpstr(verdict(directory, request, strlen(request)), ==, wrong[i].code);
    }
}

/* What looks unusual and is right. */
static void
test_accepted(void)
{
    static const struct {
        const char *request, *from, *to;
    } right[] = {
        {create_item, "Exchange2013_SP1", "V2017_07_11"},
        {create_item, "0x0E07", "3591"},
        {create_item, "0x0E07", "0Xe07"},
        {create_item, "<t:SmtpAddress>ann@example.com</t:SmtpAddress>",
         "<t:SmtpAddress>A@Example.com</t:SmtpAddress>"},
        {create_item, "<s:Header>", "<s:Header><w:To xmlns:w=\"urn:else\">x</w:To>"},
        {create_item, "<t:ExchangeImpersonation>",
         "<t:ExchangeImpersonation s:mustUnderstand=\"1\">"},
        {create_item, "<t:ItemClass>IPM.Note</t:ItemClass>", "\r\n\t <!-- nothing -->"},
        {create_item, "v1:00", "v1:&#xfc;&#252;&amp;"},
        {create_item, "<t:Message>",
         "<t:Message xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\" x:type=\"y\">"},
        {find_item, "<m:Restriction>",
         "<m:Restriction><t:And><t:Exists><t:FieldURI FieldURI=\"item:Subject\"/>"
         "</t:Exists><t:Not><t:Exists><t:FieldURI FieldURI=\"item:Size\"/></t:Exists>"
         "</t:Not></t:And></m:Restriction><!--"},
    };
    g_autoptr(ExgSimDirectory) directory = new_directory();
    for (guint i = 0; i < G_N_ELEMENTS(right); i++) {
        g_autofree char *request = replace(right[i].request, right[i].from, right[i].to);
        if (g_str_has_suffix(right[i].to, "<!--")) {
            g_autofree char *whole = replace(request, "</t:IsEqualTo></m:Restriction>",
                                             "</t:IsEqualTo>-->");
            g_free(request);
            request = g_steal_pointer(&whole);
        }
        g_test_message("%s -> %s", right[i].from, right[i].to);
        g_assert_cmpstr(verdict(directory, request, strlen(request)), ==, NULL);
    }
}

static void
test_operations(void)
{
    static const struct {
        const char *name, *code;
    } operations[] = {{"GetAttachment", "ErrorInvalidRequest"},
                      {"DoWhatIMean", "ErrorInvalidRequest"}};
    g_autoptr(ExgSimDirectory) directory = new_directory();
    for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
        g_autofree char *start = replace(get_item, "<m:GetItem>", "<m:X>");
        g_autofree char *request = replace(start, "</m:GetItem>", "</m:X>");
        g_auto(GStrv) pieces = g_strsplit(request, "m:X>", -1);
        g_autofree char *element = g_strdup_printf("m:%s>", operations[i].name);
        g_autofree char *whole = g_strjoinv(element, pieces);
        g_assert_cmpstr(verdict(directory, whole, strlen(whole)), ==, operations[i].code);
    }
}

/* A request that was cut is refused wherever it was cut, and never read past its end. */
static void
test_cut(void)
{
    g_autoptr(ExgSimDirectory) directory = new_directory();
    for (guint i = 0; i < G_N_ELEMENTS(valid); i++) {
        for (gsize length = 0; length < strlen(valid[i]); length++) {
            g_autofree char *exact = g_memdup2(valid[i], length);
            g_assert_cmpstr(verdict(directory, exact != NULL ? exact : "", length), ==,
                            "ErrorSchemaValidation");
        }
    }
}

/* A forbidden character is found wherever it stands, and no other is taken for one. */
static void
test_characters(void)
{
    for (guint byte = 1; byte < 256; byte++) {
        bool forbidden = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
        for (gsize length = 1; length <= 20; length++) {
            for (gsize at = 0; at < length; at++) {
                g_autofree char *text = g_malloc(length);
                g_auto(ExgSimRefusal) refusal = {0};
                memset(text, 'x', length);
                text[at] = (char)byte;
                g_assert_cmpint(exg_sim_validate_characters(text, length, &refusal), ==,
                                !forbidden);
            }
        }
    }
}

/* --- the samples of the schema collection ------------------------------------------------------ */

static guint
check_samples(const char *kind, bool good)
{
    static const char *const operations[] = {"CreateItem", "FindItem", "GetFolder", "GetItem",
                                             "ResolveNames"};
    g_autoptr(ExgSimDirectory) directory = new_directory();
    g_autofree char *path = g_build_filename(g_getenv("EXG_SCHEMA"), "templates", kind, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) files = g_dir_open(path, 0, &error);
    g_assert_no_error(error);
    g_assert_true(exg_sim_directory_add(directory, "rcpt@example.com", &error));
    guint checked = 0;
    for (const char *name = g_dir_read_name(files); name != NULL; name = g_dir_read_name(files)) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_autofree char *request = NULL;
        gsize length;
        bool ours = false;
        g_assert_true(g_file_get_contents(file, &request, &length, &error));
        for (guint i = 0; i < G_N_ELEMENTS(operations); i++) {
            g_autofree char *tag = g_strdup_printf("<m:%s", operations[i]);
            const char *found = strstr(request, tag);
            ours = ours || (found != NULL && strchr(" >", found[strlen(tag)]) != NULL);
        }
        if (!ours)
            continue;
        const char *expected = good                                 ? NULL
                               : g_str_has_prefix(name, "version-") ? "ErrorInvalidServerVersion"
                                                                    : "ErrorSchemaValidation";
        g_test_message("%s", name);
        g_assert_cmpstr(verdict(directory, request, length), ==, expected);
        checked++;
    }
    return checked;
}

static void
test_samples(void)
{
    if (g_getenv("EXG_SCHEMA") == NULL ||
        !g_file_test(g_getenv("EXG_SCHEMA"), G_FILE_TEST_IS_DIR)) {
        g_test_skip("the schema collection is not here");
        return;
    }
    g_assert_cmpuint(check_samples("request", true), >=, 14);
    g_assert_cmpuint(check_samples("invalid", false), >=, 16);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exchange-sim/validate/valid", test_valid);
    g_test_add_func("/exchange-sim/validate/refused", test_refused);
    g_test_add_func("/exchange-sim/validate/accepted", test_accepted);
    g_test_add_func("/exchange-sim/validate/operations", test_operations);
    g_test_add_func("/exchange-sim/validate/cut", test_cut);
    g_test_add_func("/exchange-sim/validate/characters", test_characters);
    g_test_add_func("/exchange-sim/validate/samples", test_samples);
    return g_test_run();
}
