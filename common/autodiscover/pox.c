#include "common/autodiscover/pox.h"

#include "common/autodiscover/answer-private.h"
#include "common/base/error.h"
#include "common/xml/writer.h"

#include <string.h>

#define BASE "http://schemas.microsoft.com/exchange/autodiscover/"

static const char outer[] = BASE "responseschema/2006";
static const char outlook[] = BASE "outlook/responseschema/2006a";
static const char mobilesync[] = BASE "mobilesync/responseschema/2006";

char *
exg_autodiscover_pox_request(const char *address, ExgAutodiscoverSchema schema, gsize *ret_length)
{
    bool phone = schema == EXG_AUTODISCOVER_MOBILESYNC;
    g_auto(ExgXmlWriter) writer;
    exg_xml_writer_init(&writer);
    exg_xml_start(&writer, "Autodiscover");
    exg_xml_attribute(&writer, "xmlns",
                      phone ? BASE "mobilesync/requestschema/2006"
                            : BASE "outlook/requestschema/2006");
    exg_xml_start(&writer, "Request");
    exg_xml_element(&writer, "EMailAddress", address);
    exg_xml_element(&writer, "AcceptableResponseSchema", phone ? mobilesync : outlook);
    return exg_xml_writer_steal(&writer, ret_length);
}

/* In these answers payload elements stand in the one or the other namespace. */
static const char *
text_of(const ExgXmlNode *node, const char *name)
{
    const ExgXmlNode *child = exg_xml_node_child(node, NULL, name);
    return child != NULL ? child->text : NULL;
}

static bool
is_text(const char *text, const char *wanted)
{
    return text != NULL && g_ascii_strcasecmp(text, wanted) == 0;
}

/* Eight hexadecimal digits: 4 bits of no use, 6 major, 6 minor, 1 flag, 15 build. */
static void
read_build(ExgAutodiscoverAnswer *answer, const char *text)
{
    guint64 word;
    if (answer->build != NULL || text == NULL || strlen(text) != 8 ||
        !g_ascii_string_to_unsigned(text, 16, 0, G_MAXUINT32, &word, NULL))
        return;
    answer->build = g_strdup_printf("%u.%u.%u", (guint)(word >> 22 & 0x3f),
                                    (guint)(word >> 16 & 0x3f), (guint)(word & 0x7fff));
}

/* --- what Outlook gets ------------------------------------------------------------------------ */

static void
read_protocol(ExgAutodiscoverAnswer *answer, const ExgXmlNode *protocol)
{
    const char *type = text_of(protocol, "Type");
    bool outside = is_text(type, "EXPR");
    if (!outside && !is_text(type, "EXCH"))
        return;
    const char *url = text_of(protocol, "EwsUrl");
    if (url == NULL || url[0] == '\0')
        url = text_of(protocol, "ASUrl");
    read_build(answer, text_of(protocol, "ServerVersion"));
    if (url == NULL || url[0] == '\0')
        return;
    exg_autodiscover_answer_put(answer, outside ? "ExternalEwsUrl" : "InternalEwsUrl", url);
    exg_autodiscover_answer_put(answer, "TtlHours", text_of(protocol, "TTL"));
    if (outside || exg_autodiscover_answer_get(answer, "EwsAuthentication") == NULL)
        exg_autodiscover_answer_put(answer, "EwsAuthentication",
                                    is_text(text_of(protocol, "AuthRequired"), "off")
                                        ? "anonymous"
                                        : text_of(protocol, "AuthPackage"));
}

static bool
read_account(ExgAutodiscoverAnswer *answer, const ExgXmlNode *response)
{
    const ExgXmlNode *account = exg_xml_node_child(response, NULL, "Account");
    const ExgXmlNode *user = exg_xml_node_child(response, NULL, "User");
    const char *action = text_of(account, "Action");
    if (is_text(action, "redirectAddr"))
        return exg_autodiscover_answer_redirect(answer, EXG_AUTODISCOVER_REDIRECT_ADDRESS,
                                                text_of(account, "RedirectAddr"));
    if (is_text(action, "redirectUrl"))
        return exg_autodiscover_answer_redirect(answer, EXG_AUTODISCOVER_REDIRECT_URL,
                                                text_of(account, "RedirectURL")) ||
               exg_autodiscover_answer_redirect(answer, EXG_AUTODISCOVER_REDIRECT_URL,
                                                text_of(account, "RedirectUrl"));
    if (!is_text(action, "settings"))
        return false;
    exg_autodiscover_answer_put(answer, "UserDisplayName", text_of(user, "DisplayName"));
    exg_autodiscover_answer_put(answer, "UserDN", text_of(user, "LegacyDN"));
    exg_autodiscover_answer_put(answer, "AutoDiscoverSMTPAddress",
                                text_of(user, "AutoDiscoverSMTPAddress"));
    exg_autodiscover_answer_put(answer, "UserMSOnline", text_of(account, "MicrosoftOnline"));
    for (const ExgXmlNode *protocol = exg_xml_node_child(account, NULL, "Protocol");
         protocol != NULL; protocol = exg_xml_node_next_same(protocol))
        read_protocol(answer, protocol);
    return true;
}

/* --- what phones get -------------------------------------------------------------------------- */

static bool
read_action(ExgAutodiscoverAnswer *answer, const ExgXmlNode *response)
{
    const ExgXmlNode *action = exg_xml_node_child(response, NULL, "Action");
    const ExgXmlNode *user = exg_xml_node_child(response, NULL, "User");
    if (exg_autodiscover_answer_redirect(answer, EXG_AUTODISCOVER_REDIRECT_ADDRESS,
                                         text_of(action, "Redirect")))
        return true;
    const ExgXmlNode *settings = exg_xml_node_child(action, NULL, "Settings");
    const ExgXmlNode *server = exg_xml_node_child(settings, NULL, "Server");
    exg_autodiscover_answer_put(answer, "UserDisplayName", text_of(user, "DisplayName"));
    exg_autodiscover_answer_put(answer, "AutoDiscoverSMTPAddress", text_of(user, "EMailAddress"));
    for (; server != NULL; server = exg_xml_node_next_same(server))
        if (is_text(text_of(server, "Type"), "MobileSync"))
            exg_autodiscover_answer_put(answer, "MobileSyncUrl", text_of(server, "Url"));
    return settings != NULL;
}

/* --- errors ----------------------------------------------------------------------------------- */

static void
read_error(ExgAutodiscoverAnswer *answer, const ExgXmlNode *fault)
{
    const char *code = text_of(fault, "ErrorCode"), *message = text_of(fault, "Message");
    exg_autodiscover_answer_explain(answer, code, message);
    /* 500 alone may be another fault of the provider; its sentence says which. */
    bool no_user = is_text(code, "500") ||
                   (message != NULL && (strstr(message, "address cannot be found") != NULL ||
                                        strstr(message, "address can't be found") != NULL));
    answer->kind = no_user                ? EXG_AUTODISCOVER_NO_USER
                   : is_text(code, "603") ? EXG_AUTODISCOVER_BUSY
                                          : EXG_AUTODISCOVER_NOT_HERE;
}

ExgAutodiscoverAnswer *
exg_autodiscover_pox_read(const char *xml, gsize length, GError **error)
{
    g_autoptr(ExgXmlTree) tree = exg_autodiscover_xml_parse(xml, length, error);
    if (tree == NULL)
        return NULL;
    const ExgXmlNode *root = exg_xml_tree_root(tree);
    const ExgXmlNode *response = exg_xml_node_is(root, outer, "Autodiscover")
                                     ? exg_xml_node_child(root, NULL, "Response")
                                     : NULL;
    g_autoptr(ExgAutodiscoverAnswer)
        answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_SETTINGS);
    const ExgXmlNode *fault = exg_xml_node_child(response, NULL, "Error");
    bool good = false;
    if (fault != NULL) {
        read_error(answer, fault);
        good = true;
    } else if (exg_xml_node_is(response, outlook, "Response")) {
        good = read_account(answer, response);
    } else if (exg_xml_node_is(response, mobilesync, "Response")) {
        good = read_action(answer, response);
    }
    if (good)
        return g_steal_pointer(&answer);
    exg_error_set(error, EXG_ERROR_PROTOCOL,
                  "The answer is not autodiscover's: it has neither an account nor an error");
    return NULL;
}
