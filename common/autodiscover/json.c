#include "common/autodiscover/json.h"

#include "common/autodiscover/answer-private.h"
#include "common/base/error.h"
#include "common/json/object.h"

char *
exg_autodiscover_json_url(const char *host, const char *address, guint redirects)
{
    g_autofree char *name = g_uri_escape_string(address, "@", FALSE);
    g_autofree char *count = redirects > 0 ? g_strdup_printf("&RedirectCount=%u", redirects)
                                           : g_strdup("");
    return g_strdup_printf("https://%s/autodiscover/autodiscover.json/v1.0/%s?Protocol=EWS%s", host,
                           name, count);
}

ExgAutodiscoverAnswer *
exg_autodiscover_json_read(const char *json, gsize length, GError **error)
{
    g_autoptr(ExgJsonObject)
        object = exg_json_object_read(json, length, EXG_AUTODISCOVER_MAX_ANSWER_BYTES);
    const char *url = object != NULL ? exg_json_object_text(object, "Url") : NULL;
    const char *code = object != NULL ? exg_json_object_text(object, "ErrorCode") : NULL;
    if (url == NULL && code == NULL) {
        exg_error_set(error, EXG_ERROR_PROTOCOL,
                      "The answer is not autodiscover's: JSON with a Url is expected");
        return NULL;
    }
    if (code != NULL) {
        bool no_user = g_str_equal(code, "UserNotFound");
        ExgAutodiscoverAnswer *answer = exg_autodiscover_answer_new(
            no_user ? EXG_AUTODISCOVER_NO_USER : EXG_AUTODISCOVER_NOT_HERE);
        exg_autodiscover_answer_explain(answer, code, exg_json_object_text(object, "ErrorMessage"));
        return answer;
    }
    ExgAutodiscoverAnswer *answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_SETTINGS);
    exg_autodiscover_answer_put(answer, "ExternalEwsUrl", url);
    return answer;
}
