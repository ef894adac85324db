/* A milter that does nothing, for comparison: it asks for recipients alone, as exgate-milter does, and takes them all.
 *
 *     idle-milter SOCKET         SOCKET in libmilter's form, such as unix:/path */
#include <libmilter/mfapi.h>
#include <stdio.h>

static sfsistat
on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long unused_1,
             unsigned long unused_2, unsigned long *ret_actions, unsigned long *ret_steps,
             unsigned long *ret_1, unsigned long *ret_2)
{
    *ret_actions = 0;
    *ret_steps = steps & (SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NOHDRS |
                          SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN);
    *ret_1 = 0;
    *ret_2 = 0;
    return SMFIS_CONTINUE;
}

static sfsistat
on_recipient(SMFICTX *context, char **arguments)
{
    return SMFIS_CONTINUE;
}

static sfsistat
on_data(SMFICTX *context)
{
    return SMFIS_ACCEPT;
}

int
main(int argc, char **argv)
{
    struct smfiDesc description = {
        .xxfi_name = "idle-milter",
        .xxfi_version = SMFI_VERSION,
        .xxfi_negotiate = on_negotiate,
        .xxfi_envrcpt = on_recipient,
        .xxfi_data = on_data,
    };
    if (argc != 2) {
        fprintf(stderr, "usage: idle-milter SOCKET\n");
        return 64;
    }
    return smfi_setconn(argv[1]) == MI_SUCCESS && smfi_register(description) == MI_SUCCESS &&
                   smfi_main() == MI_SUCCESS
               ? 0
               : 1;
}
