#include "common/ews/cookies-private.h"

#include "common/base/clock.h"
#include "common/base/secret.h"

#include <stdbool.h>
#include <string.h>

typedef struct {
    char *name;
    char *value;
    gint64 until_us;
} Cookie;

typedef struct {
    char *key;
    GPtrArray *cookies; /* of Cookie, in the order they came */
    GList link;         /* in `used` */
} Jar;

struct ExgEwsCookies {
    GHashTable *jars; /* key -> Jar */
    GQueue used;      /* of Jar, the one used last at the head */
};

static void
cookie_free(gpointer data)
{
    Cookie *cookie = data;
    exg_secret_wipe_and_free(cookie->value);
    g_free(cookie->name);
    g_free(cookie);
}

static void
jar_free(gpointer data)
{
    Jar *jar = data;
    g_ptr_array_unref(jar->cookies);
    g_free(jar->key);
    g_free(jar);
}

ExgEwsCookies *
exg_ews_cookies_new(void)
{
    ExgEwsCookies *self = g_new0(ExgEwsCookies, 1);
    self->jars = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, jar_free);
    return self;
}

void
exg_ews_cookies_free(ExgEwsCookies *self)
{
    if (self == NULL)
        return;
    g_hash_table_unref(self->jars);
    g_free(self);
}

static Jar *
find_jar(ExgEwsCookies *self, const char *endpoint, const char *mailbox, bool make)
{
    g_autofree char *folded = g_ascii_strdown(mailbox != NULL ? mailbox : "", -1);
    g_autofree char *key = g_strconcat(endpoint, " ", folded, NULL);
    Jar *jar = g_hash_table_lookup(self->jars, key);
    if (jar != NULL) {
        g_queue_unlink(&self->used, &jar->link);
        g_queue_push_head_link(&self->used, &jar->link);
        return jar;
    }
    if (!make)
        return NULL;
    if (g_hash_table_size(self->jars) >= EXG_EWS_MAX_JARS) {
        Jar *oldest = g_queue_pop_tail_link(&self->used)->data;
        g_hash_table_remove(self->jars, oldest->key);
    }
    jar = g_new0(Jar, 1);
    jar->key = g_steal_pointer(&key);
    jar->cookies = g_ptr_array_new_with_free_func(cookie_free);
    jar->link.data = jar;
    g_queue_push_head_link(&self->used, &jar->link);
    g_hash_table_insert(self->jars, jar->key, jar);
    return jar;
}

/* What may stand in a name or a value: printable, no blanks, none of what separates cookies. */
static bool
is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~' || strchr("\",;\\", *text) != NULL)
            return false;
    return true;
}

static bool
is_deletion(char *const *attributes)
{
    for (; *attributes != NULL; attributes++) {
        const char *attribute = g_strstrip(*attributes);
        if (g_ascii_strncasecmp(attribute, "max-age=", 8) == 0 &&
            g_ascii_strtoll(attribute + 8, NULL, 10) <= 0)
            return true;
        /* A date in the last century is how servers say it without Max-Age. */
        if (g_ascii_strncasecmp(attribute, "expires=", 8) == 0 &&
            (strstr(attribute, "1970") != NULL || strstr(attribute, "1601") != NULL))
            return true;
    }
    return false;
}

static void
jar_remove(Jar *jar, const char *name)
{
    for (guint i = 0; i < jar->cookies->len; i++) {
        const Cookie *cookie = g_ptr_array_index(jar->cookies, i);
        if (g_str_equal(cookie->name, name)) {
            g_ptr_array_remove_index(jar->cookies, i);
            return;
        }
    }
}

void
exg_ews_cookies_take(ExgEwsCookies *self, const char *endpoint, const char *mailbox,
                     const char *set_cookie)
{
    if (strlen(set_cookie) > EXG_EWS_MAX_COOKIE_BYTES)
        return;
    g_auto(GStrv) parts = g_strsplit(set_cookie, ";", 32);
    char *equals = parts[0] != NULL ? strchr(parts[0], '=') : NULL;
    if (equals == NULL)
        return;
    *equals = '\0';
    const char *name = g_strstrip(parts[0]);
    const char *value = g_strstrip(equals + 1);
    if (name[0] == '\0' || !is_clean(name) || strchr(name, '=') != NULL || !is_clean(value))
        return;
    Jar *jar = find_jar(self, endpoint, mailbox, true);
    jar_remove(jar, name);
    if (is_deletion(parts + 1))
        return;
    if (jar->cookies->len >= EXG_EWS_MAX_COOKIES)
        g_ptr_array_remove_index(jar->cookies, 0);
    Cookie *cookie = g_new(Cookie, 1);
    cookie->name = g_strdup(name);
    cookie->value = g_strdup(value);
    cookie->until_us = exg_clock_monotonic_us() + EXG_EWS_COOKIE_LIFE_US;
    g_ptr_array_add(jar->cookies, cookie);
}

char *
exg_ews_cookies_header(ExgEwsCookies *self, const char *endpoint, const char *mailbox)
{
    Jar *jar = find_jar(self, endpoint, mailbox, false);
    if (jar == NULL)
        return NULL;
    GString *header = g_string_new(NULL);
    for (guint i = 0; i < jar->cookies->len;) {
        const Cookie *cookie = g_ptr_array_index(jar->cookies, i);
        if (cookie->until_us <= exg_clock_monotonic_us()) {
            g_ptr_array_remove_index(jar->cookies, i);
            continue;
        }
        g_string_append_printf(header, "%s%s=%s", header->len > 0 ? "; " : "", cookie->name,
                               cookie->value);
        i++;
    }
    return g_string_free(header, header->len == 0);
}
